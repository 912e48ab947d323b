-- Pauses a job or resumes it: $1 job, $2 whether it is paused, $3 by whom, $4 its max_ongoing_age.
INSERT INTO :"schema".pgkit_job AS j (app_name, first_seen, max_ongoing_age, paused, paused_by)
VALUES ($1, pg_catalog.clock_timestamp(), $4::interval,
        CASE WHEN $2 THEN pg_catalog.clock_timestamp() END, CASE WHEN $2 THEN $3 END)
ON CONFLICT (app_name) DO UPDATE
SET paused = CASE WHEN $2 THEN coalesce(j.paused, pg_catalog.clock_timestamp()) END,
    paused_by = CASE WHEN $2 THEN coalesce(j.paused_by, $3) END
