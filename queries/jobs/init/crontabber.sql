-- crontabber's state table, as crontabber 0.18 creates it. Source: its own DDL.
CREATE TABLE :"schema".crontabber (
    app_name text NOT NULL,
    next_run timestamp with time zone,
    first_run timestamp with time zone,
    last_run timestamp with time zone,
    last_success timestamp with time zone,
    ongoing timestamp with time zone,
    error_count integer DEFAULT 0,
    depends_on text[],
    last_error json
)
