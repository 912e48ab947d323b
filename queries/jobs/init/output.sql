-- What running attempts have printed so far: one row per attempt that somebody watches.
-- run: the attempt's id in pgkit_run. watched_until: until then the attempt's guard shows its output here. head: the first 64 KiB.
--   tail: the last 64 KiB of what came after the head. bytes: how much was printed in all; NULL until the guard has shown it.
-- head and tail are bytes, as they were printed, so that a reader can tell which of them it has seen before.
CREATE TABLE :"schema".pgkit_output (
    run bigint PRIMARY KEY,
    watched_until timestamp with time zone NOT NULL,
    head bytea,
    tail bytea,
    bytes bigint
)
