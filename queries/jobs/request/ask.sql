-- Makes a request to run a job: $1 job, $2 whether it runs even if it is not due, $3 its date, $4 whether it runs even
-- if that date has succeeded, $5 who asks for it. Returns JSON.
INSERT INTO :"schema".pgkit_request AS r (app_name, forced, run_date, rerun, waits, asked, asked_by)
VALUES ($1::text, $2::bool, $3::text::timestamptz, $4::bool, false, pg_catalog.clock_timestamp(), $5::text)
RETURNING pg_catalog.json_build_object('id', r.id)
