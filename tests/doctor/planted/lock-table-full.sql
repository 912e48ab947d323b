-- A shared lock table of which four fifths are used is a warning.
--
-- since = 10
-- settings = ["max_locks_per_transaction = 10", "max_connections = 20", "max_prepared_transactions = 0", "max_wal_senders = 2", "superuser_reserved_connections = 2"]
-- checks = ["lock-table-full"]
-- expect = ["warning lock-table-full "]
SELECT 1;
-- @session a
BEGIN;
SELECT pg_advisory_lock(g) FROM generate_series(1, 150) g;
-- @healthy
SELECT 1;
-- @session a
COMMIT;
SELECT pg_advisory_unlock_all();
