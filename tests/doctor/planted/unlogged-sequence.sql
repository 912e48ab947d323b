-- Since PostgreSQL 15, a sequence can be unlogged without a table. It is a note of its own.
--
-- since = 15
-- checks = ["unlogged-with-standby"]
-- expect = ["note unlogged-with-standby public.alone", "note unlogged-with-standby public.t"]
CREATE UNLOGGED SEQUENCE alone;
CREATE UNLOGGED TABLE t (a int GENERATED ALWAYS AS IDENTITY, b serial);
-- @healthy
ALTER SEQUENCE alone SET LOGGED;
DROP TABLE t;
