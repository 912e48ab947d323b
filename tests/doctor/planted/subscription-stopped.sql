-- A disabled subscription is critical. If its comment says why, it is a warning.
--
-- since = 10
-- checks = ["subscription-stopped", "subscription-errors"]
-- expect = ["critical subscription-stopped Off \"s", "warning subscription-stopped meant"]
CREATE SUBSCRIPTION "Off ""s" CONNECTION 'host=127.0.0.1 port=1 dbname=x' PUBLICATION p WITH (connect = false, slot_name = NONE);
CREATE SUBSCRIPTION meant CONNECTION 'host=127.0.0.1 port=1 dbname=x' PUBLICATION p WITH (connect = false, slot_name = NONE);
COMMENT ON SUBSCRIPTION meant IS 'until the move is done';
-- @healthy
DROP SUBSCRIPTION "Off ""s";
DROP SUBSCRIPTION meant;
