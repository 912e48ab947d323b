-- What became of an attempt of a job ($2), and the attempt that was begun when it was committed: $1 its id (NULL: the first
-- attempt with this mark), $3 the mark.
SELECT pg_catalog.json_build_object(
    'id', found.id, 'attempt', found.attempt, 'state', found.state,
    'next', (SELECT pg_catalog.json_build_object('id', id, 'attempt', attempt)
             FROM :"schema".pgkit_run
             WHERE app_name = $2 AND mark = $3 AND state = 'running' AND state <> 'succeeded' AND id <> found.id
             ORDER BY id DESC
             LIMIT 1))
FROM (SELECT) one
LEFT JOIN (
    SELECT id, attempt, state FROM :"schema".pgkit_run
    WHERE id = $1::int8 AND app_name = $2::text AND mark = $3::text
    UNION ALL
    (SELECT id, attempt, state FROM :"schema".pgkit_run
     WHERE $1 IS NULL AND app_name = $2 AND mark = $3
     ORDER BY id
     LIMIT 1)) found ON true
