-- The alarms that are on: one row for each job that is overdue or stale and for which people were notified. While there
-- is a row, no other runner notifies them again. kind: overdue, stale. since: since when the job is due, or when it
-- last succeeded. told: when, and host: by which machine.
CREATE TABLE :"schema".pgkit_alarm (
    app_name text NOT NULL,
    kind text NOT NULL,
    since timestamp with time zone NOT NULL,
    told timestamp with time zone NOT NULL,
    host text NOT NULL,
    PRIMARY KEY (app_name, kind)
)
