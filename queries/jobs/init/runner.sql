-- One row per process that runs jobs, and one row (kind init) that is as old as this table. id: identifies the process
-- on all machines. kind: daemon (keeps running), pass (runs what is due, once), init (not a process: since is when the
-- table was created, and runners have been expected since then). file_hash: SHA-256 of the jobs file and of the files
-- that it includes. uncontained: why the processes of its jobs cannot be contained; NULL if they are. slots: how many
-- jobs it runs at once. running: how many it ran when it was last seen. ended: when it ended; NULL if it was killed, or
-- has not ended.
CREATE TABLE :"schema".pgkit_runner (
    id text PRIMARY KEY,
    kind text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    file text NOT NULL,
    file_hash text NOT NULL,
    jobs text[] NOT NULL,
    slots integer NOT NULL,
    running integer NOT NULL,
    uncontained text,
    since timestamp with time zone NOT NULL,
    seen timestamp with time zone NOT NULL,
    ended timestamp with time zone
)
