-- With autovacuum_freeze_max_age = 1 billion, 1.1 billion is routine, 1.25 billion a warning, 1.35 billion critical.
--
-- since = 10
-- own = true
-- settings = ["autovacuum = off", "autovacuum_freeze_max_age = 1000000000"]
-- checks = ["xid-wraparound"]
-- expect = ["warning xid-wraparound w", "critical xid-wraparound c"]
CREATE DATABASE routine;
CREATE DATABASE w;
CREATE DATABASE c;
UPDATE pg_database SET datfrozenxid = ((txid_current() + 4294967296 - 1100000000) % 4294967296)::text::xid WHERE datname = 'routine';
UPDATE pg_database SET datfrozenxid = ((txid_current() + 4294967296 - 1250000000) % 4294967296)::text::xid WHERE datname = 'w';
UPDATE pg_database SET datfrozenxid = ((txid_current() + 4294967296 - 1350000000) % 4294967296)::text::xid WHERE datname = 'c';
-- @healthy
DROP DATABASE w;
DROP DATABASE c;
