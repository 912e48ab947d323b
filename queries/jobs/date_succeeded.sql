-- Whether a job ($1) has succeeded for a date ($2, as text).
SELECT EXISTS (SELECT FROM :"schema".pgkit_run r
               WHERE r.app_name = $1 AND r.run_date = $2::timestamptz
                 AND r.state = 'succeeded'::text)
       OR EXISTS (SELECT FROM :"schema".pgkit_job j
                  WHERE j.app_name = $1
                    AND j.done_through >= $2::timestamptz) AS done
