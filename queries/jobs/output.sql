-- One attempt of job $1, with its stored output: the attempt with id $4; or, if that is NULL, the running or else the
-- latest one of the attempts for date $2 (NULL: any date) with number $3 (NULL: any number).
SELECT r.id, r.run_date, r.attempt::int8 AS attempt, r.state, r.host, r.started,
       pg_catalog.date_part('epoch'::text, r.duration) AS duration_s,
       CASE WHEN r.error_type IS NULL THEN r.message ELSE pg_catalog.concat(r.error_type, ': ', r.message) END AS message,
       r.output_bytes AS bytes, r.output_head AS head, r.output_tail AS tail
FROM :"schema".pgkit_run r
WHERE r.app_name = $1
  AND r.id = coalesce(
      $4::int8,
      -- Attempts that have not been logged are running, or were unlocked or reset; there are few of them.
      (SELECT f.id
       FROM ((SELECT o.id, o.state
              FROM :"schema".pgkit_run o
              WHERE o.app_name = $1 AND o.logged IS NULL AND ($2::text IS NULL OR o.run_date = $2::text::timestamptz)
                AND ($3::int8 IS NULL OR o.attempt::int8 = $3)
              ORDER BY o.state = 'running'::text DESC, o.id DESC
              LIMIT 1)
             UNION ALL
             (SELECT l.id, l.state
              FROM :"schema".pgkit_run l
              WHERE l.app_name = $1 AND l.logged IS NOT NULL AND ($2::text IS NULL OR l.run_date = $2::text::timestamptz)
                AND ($3::int8 IS NULL OR l.attempt::int8 = $3)
              ORDER BY l.logged DESC, l.id DESC
              LIMIT 1)) f
       ORDER BY f.state = 'running'::text DESC, f.id DESC
       LIMIT 1))
