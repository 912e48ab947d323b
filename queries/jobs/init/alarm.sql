-- The jobs that people were told of because they are overdue or stale, until they are well again: a row that is already there
-- keeps other runners from telling the same.
-- kind: overdue, stale. since: since when the job is due, or when it last succeeded. told: when, and host: by which machine.
CREATE TABLE :"schema".pgkit_alarm (
    app_name text NOT NULL,
    kind text NOT NULL,
    since timestamp with time zone NOT NULL,
    told timestamp with time zone NOT NULL,
    host text NOT NULL,
    PRIMARY KEY (app_name, kind)
)
