-- Notes that the lock of a running attempt is free: its owner may be gone, or come back. $1 attempt's id.
UPDATE :"schema".pgkit_run SET seen_free_at = pg_catalog.clock_timestamp()
WHERE id = $1::int8 AND seen_free_at IS NULL
