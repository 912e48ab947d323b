-- Renews a claim before crontabber takes it for stale: $1 job, $2 attempt's id, $3 its mark.
WITH state AS (
    UPDATE :"schema".crontabber SET ongoing = pg_catalog.clock_timestamp()
    WHERE app_name = $1::text
      AND ongoing = (SELECT claim FROM :"schema".pgkit_run
                     WHERE id = $2::int8 AND app_name = $1 AND mark = $3::text AND state = 'running')
    RETURNING ongoing
)
UPDATE :"schema".pgkit_run SET claim = state.ongoing FROM state WHERE id = $2
