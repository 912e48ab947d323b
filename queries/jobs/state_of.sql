-- What became of an attempt, and which one its commit began: $1 its id, $2 job, $3 the attempts' mark.
SELECT pg_catalog.json_build_object(
    'state', (SELECT state FROM :"schema".pgkit_run WHERE id = $1::int8 AND app_name = $2::text AND mark = $3::text),
    'next', (SELECT pg_catalog.json_build_object('id', id, 'attempt', attempt)
             FROM :"schema".pgkit_run
             WHERE app_name = $2 AND mark = $3 AND state = 'running' AND state <> 'succeeded' AND id <> $1
             ORDER BY id DESC
             LIMIT 1))
