-- Records the dates ($2) that these jobs ($1) left out because they could not start in time. Returns those that had not been
-- recorded before.
INSERT INTO :"schema".pgkit_run AS r (app_name, run_date, attempt, state, claim, grace, started, duration, message)
SELECT late.name, late.run_date::timestamptz, 1, 'missed', pg_catalog.now(), '0', late.run_date::timestamptz, '0',
       'it could not start within its start_limit'
FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS late (name, run_date)
WHERE NOT EXISTS (SELECT FROM :"schema".pgkit_run o
                  WHERE o.app_name = late.name AND o.run_date = late.run_date::timestamptz AND o.state = 'succeeded'::text)
  AND NOT EXISTS (SELECT FROM :"schema".pgkit_run o
                  WHERE o.app_name = late.name AND o.run_date = late.run_date::timestamptz AND o.state <> 'succeeded'::text)
ORDER BY late.name
RETURNING pg_catalog.json_build_object('name', r.app_name, 'run_date', r.run_date)
