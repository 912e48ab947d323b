-- What pgkit knows about a job, in addition to crontabber's row.
-- done_through: every date up to it counts as done (older rows of pgkit_run may be gone).
CREATE TABLE :"schema".pgkit_job (
    app_name text PRIMARY KEY,
    first_seen timestamp with time zone NOT NULL,
    paused timestamp with time zone,
    paused_by text,
    max_ongoing_age interval NOT NULL,
    done_through timestamp with time zone
)
