-- The attempts that jobs history --follow looks at, the oldest first: those of these jobs ($1; NULL: all jobs) whose ids are
-- greater than $2, at most the newest $5 of them (NULL: no limit), and those with the ids in $3. With $4, also what they
-- printed. Each row also has the greatest id of all attempts. If there is no attempt to return, one row without a name has it.
SELECT f.name, f.run_date, f.attempt, f.started, f.duration_s, f.result, f.host, f.message, f.output_bytes, f.printed,
       f.id::text AS id, newest.id::text AS newest
FROM (SELECT coalesce(pg_catalog.max(r.id), '0'::int8) AS id FROM :"schema".pgkit_run r) newest
LEFT JOIN (
    SELECT
-- include attempt
    FROM (SELECT * FROM (
              SELECT n.*
              FROM :"schema".pgkit_run n
              WHERE n.id > $2::int8 AND ($1::text[] IS NULL OR n.app_name = ANY ($1))
              ORDER BY n.id DESC
              LIMIT $5::int8) new
          UNION ALL
          SELECT o.*
          FROM :"schema".pgkit_run o
          WHERE o.id = ANY ($3::text[]::int8[]) AND o.id <= $2) r
) f ON true
ORDER BY f.id
