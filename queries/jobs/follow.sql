-- For jobs history --follow: the attempts of these jobs ($1; NULL: all) after an id ($2), the newest $5 of them (NULL: all), and
-- those of $3, which were running, the oldest first; $4 with what they printed. Each row has the newest id of all; without any attempt
-- there is one row without a name.
SELECT f.name, f.run_date, f.attempt, f.started, f.duration_s, f.result, f.host, f.message, f.output_bytes, f.printed,
       f.id::text AS id, newest.id::text AS newest
FROM (SELECT coalesce(pg_catalog.max(r.id), '0'::int8) AS id FROM :"schema".pgkit_run r) newest
LEFT JOIN (
    SELECT r.app_name AS name, r.run_date, r.attempt, r.started,
           pg_catalog.round(pg_catalog.date_part('epoch'::text, r.duration)::numeric, 6) AS duration_s,
           r.state AS result, r.host,
           CASE WHEN r.error_type IS NULL THEN r.message
                ELSE pg_catalog.concat(r.error_type, ': ', r.message) END AS message,
           r.output_bytes,
           CASE WHEN $4::bool THEN pg_catalog.concat(r.output_head,
                    CASE WHEN r.output_tail IS NOT NULL AND r.output_bytes > '131072'::int8
                         THEN E'\n[…]\n' END, r.output_tail) END AS printed,
           r.id
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
