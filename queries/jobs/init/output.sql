-- The output so far of running attempts: one row per attempt that somebody watches. run: the attempt's id in pgkit_run.
-- watched_until: until then, the attempt's guard copies its output here. head: the first 64 KiB. tail: the last 64 KiB
-- of what came after the head. bytes: the total number of bytes printed; NULL before the first copy. head and tail are
-- the bytes as printed, so that a reader can skip exactly those that it has already read.
CREATE TABLE :"schema".pgkit_output (
    run bigint PRIMARY KEY,
    watched_until timestamp with time zone NOT NULL,
    head bytea,
    tail bytea,
    bytes bigint
)
