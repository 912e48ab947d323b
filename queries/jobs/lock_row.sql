-- Locks a job's row, or fails at once with 55P03. Only who has the job's lock does: else of two at once each could have one of
-- them.
SELECT FROM :"schema".crontabber
WHERE app_name = $1::text AND pg_catalog.current_setting('pgkit.lock')::bool
FOR UPDATE NOWAIT
