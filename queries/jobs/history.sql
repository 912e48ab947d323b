-- The attempts of these jobs ($1; NULL: all), the latest $2 of them; $3 only those that did not succeed.
SELECT r.app_name AS name, r.run_date, r.attempt, r.started,
       pg_catalog.date_part('epoch'::text,
           coalesce(r.duration, CASE WHEN r.state OPERATOR(pg_catalog.=) 'running'::text
                                     THEN pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) r.started END))
           AS duration_s,
       r.state AS result, r.host,
       CASE WHEN r.error_type IS NULL THEN r.message
            ELSE pg_catalog.concat(r.error_type, ': ', r.message) END AS message,
       r.output_bytes,
       CASE WHEN $4 THEN pg_catalog.concat(r.output_head,
                CASE WHEN r.output_tail IS NOT NULL
                          AND r.output_bytes OPERATOR(pg_catalog.>) 131072::int8
                     THEN E'\n[…]\n' END, r.output_tail) END AS output
FROM :"schema".pgkit_run r
WHERE ($1 IS NULL OR r.app_name OPERATOR(pg_catalog.=) ANY ($1))
  AND (NOT $3 OR r.state OPERATOR(pg_catalog.<>) ALL (ARRAY['succeeded', 'running', 'superseded']::text[]))
ORDER BY r.id DESC
LIMIT $2
