-- crontabber's log, as crontabber 0.18 creates it. Source: its own DDL.
CREATE TABLE :"schema".crontabber_log (
    id SERIAL NOT NULL,
    app_name text NOT NULL,
    log_time timestamp with time zone DEFAULT pg_catalog.now() NOT NULL,
    duration interval,
    success timestamp with time zone,
    exc_type text,
    exc_value text,
    exc_traceback text
)
