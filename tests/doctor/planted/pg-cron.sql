-- Jobs of pg_cron that failed three times in a row are warnings, and so is its missing scheduler.
--
-- since = 11
-- checks = ["pg-cron-failing"]
-- expect = ["warning pg-cron-failing", "warning pg-cron-failing nightly", "warning pg-cron-failing job 5"]
-- text = ["has failed 3 times in a row: ERROR: no", "has 5 active jobs"]
CREATE SCHEMA cron;
-- These tables imitate those of pg_cron. There is no scheduler, because the extension is not loaded.
CREATE TABLE cron.job (jobid bigserial PRIMARY KEY, schedule text NOT NULL, command text NOT NULL, nodename text NOT NULL DEFAULT 'localhost', nodeport int NOT NULL DEFAULT 5432,
    database text NOT NULL DEFAULT current_database(), username text NOT NULL DEFAULT current_user, active bool NOT NULL DEFAULT true, jobname name);
CREATE TABLE cron.job_run_details (jobid bigint, runid bigserial PRIMARY KEY, job_pid int, database text, username text, command text, status text, return_message text, start_time timestamptz, end_time timestamptz);
INSERT INTO cron.job (schedule, command, jobname, active) VALUES ('0 3 * * *', 'x', 'nightly', true), ('* * * * *', 'x', 'twice', true), ('* * * * *', 'x', 'healed', true), ('* * * * *', 'x', 'stopped', false), ('* * * * *', 'x', NULL, true), ('* * * * *', 'x', 'new', true);
INSERT INTO cron.job_run_details (jobid, status, return_message) VALUES
    (1, 'succeeded', '1 row'), (1, 'failed', 'ERROR: no'), (3, 'failed', 'x'), (3, 'failed', 'x'), (2, 'succeeded', ''), (1, 'failed', 'ERROR: no'), (2, 'failed', 'x'),
    (4, 'failed', 'x'), (4, 'failed', 'x'), (4, 'failed', 'x'), (3, 'failed', 'x'), (3, 'succeeded', ''), (1, 'failed', 'ERROR: no'), (2, 'failed', 'x'), (1, 'running', NULL),
    (5, 'failed', 'x'), (5, 'failed', 'x'), (5, 'failed', 'x'), (5, 'failed', 'x');
-- @healthy
DROP SCHEMA cron CASCADE;
