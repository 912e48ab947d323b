DECLARE
    new bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM :"schema".pgkit_runner r WHERE r.kind <> 'init' AND pgkit_run_now.app_name = ANY (r.jobs)) THEN
        RAISE invalid_parameter_value USING
            MESSAGE = pg_catalog.format('no runner has a job named %L', pgkit_run_now.app_name),
            HINT = 'pgkit jobs runners lists the runners.';
    END IF;
    INSERT INTO :"schema".pgkit_request (app_name, forced, rerun, waits, asked, asked_by)
    VALUES (pgkit_run_now.app_name, coalesce(pgkit_run_now.forced, true), false, true, pg_catalog.clock_timestamp(),
            pg_catalog.format('role %s from %s', session_user, coalesce(nullif(pg_catalog.current_setting('application_name'), ''), 'SQL')))
    RETURNING id INTO new;
    PERFORM pg_catalog.pg_notify('pgkit_jobs', '');
    RETURN new;
END
