-- A sequence on a subscriber stays behind its column until the switchover, so it is only a note.
--
-- since = 10
-- also = ["subscription-stopped"]
-- checks = ["sequence-behind-column"]
-- expect = ["note sequence-behind-column public.t_id_seq"]
CREATE TABLE t (id serial PRIMARY KEY);
INSERT INTO t VALUES (100);
CREATE SUBSCRIPTION planted_sequences CONNECTION 'dbname=none' PUBLICATION p WITH (connect = false, slot_name = NONE);
INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate, srsublsn) SELECT oid, 't'::regclass, 'r', '0/0' FROM pg_subscription WHERE subname = 'planted_sequences';
-- @healthy
SELECT setval('t_id_seq', 100);
DROP SUBSCRIPTION planted_sequences;
