-- A claim that is renewed before crontabber takes it for stale: $1 job, $2 the claim, $3 attempt's id.
WITH state AS (
    UPDATE :"schema".crontabber SET ongoing = pg_catalog.clock_timestamp()
    WHERE app_name = $1::text AND ongoing = $2::timestamptz
    RETURNING ongoing
), run AS (
    UPDATE :"schema".pgkit_run SET claim = state.ongoing FROM state WHERE id = $3::int8
)
SELECT pg_catalog.row_to_json(state) FROM state
