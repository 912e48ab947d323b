-- Databases older than 1.5 times autovacuum_freeze_max_age are found, even templates and those without connections.
--
-- since = 10
-- own = true
-- settings = ["autovacuum = off"]
-- checks = ["xid-wraparound", "multixact-wraparound"]
-- expect = ["warning xid-wraparound old \"1", "critical xid-wraparound closed", "warning multixact-wraparound multi", "critical multixact-wraparound closed"]
CREATE DATABASE "old ""1";
CREATE DATABASE closed ALLOW_CONNECTIONS false;
CREATE DATABASE routine;
CREATE DATABASE multi;
UPDATE pg_database SET datfrozenxid = ((txid_current() + 4294967296 - 310000000) % 4294967296)::text::xid WHERE datname = 'old "1';
UPDATE pg_database SET datfrozenxid = ((txid_current() + 4294967296 - 1400000000) % 4294967296)::text::xid, datminmxid = ((4294967297 - 1400000000))::text::xid WHERE datname = 'closed';
-- At 110 % of autovacuum_freeze_max_age, the age is routine: it rises and falls between vacuums.
UPDATE pg_database SET datfrozenxid = ((txid_current() + 4294967296 - 220000000) % 4294967296)::text::xid, datminmxid = ((4294967297 - 440000000))::text::xid WHERE datname = 'routine';
UPDATE pg_database SET datminmxid = ((4294967297 - 610000000))::text::xid WHERE datname = 'multi';
-- @healthy
DROP DATABASE "old ""1";
UPDATE pg_database SET datfrozenxid = txid_current()::text::xid, datminmxid = '1' WHERE datname = 'closed';
DROP DATABASE multi;
