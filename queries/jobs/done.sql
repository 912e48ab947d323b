-- Has a job ($1) done a date ($2, as text)?
-- The search path is the role's own here: operators are named in full.
SELECT EXISTS (SELECT FROM :"schema".pgkit_run r
               WHERE r.app_name OPERATOR(pg_catalog.=) $1 AND r.run_date OPERATOR(pg_catalog.=) $2::timestamptz
                 AND r.state OPERATOR(pg_catalog.=) 'succeeded'::text)
       OR EXISTS (SELECT FROM :"schema".pgkit_job j
                  WHERE j.app_name OPERATOR(pg_catalog.=) $1
                    AND j.done_through OPERATOR(pg_catalog.>=) $2::timestamptz) AS done
