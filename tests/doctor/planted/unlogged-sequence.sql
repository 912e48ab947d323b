-- From 15 on a sequence alone can be unlogged.
--
-- since = 15
-- checks = ["unlogged-with-standby"]
-- expect = ["note unlogged-with-standby public.alone", "note unlogged-with-standby public.t"]
CREATE UNLOGGED SEQUENCE alone;
CREATE UNLOGGED TABLE t (a int GENERATED ALWAYS AS IDENTITY, b serial);
-- @healthy
ALTER SEQUENCE alone SET LOGGED;
DROP TABLE t;
