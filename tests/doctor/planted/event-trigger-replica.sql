-- An event trigger that fires only for replication is a note, as a disabled one is.
--
-- since = 10
-- args = ["--lint"]
-- checks = ["event-trigger-disabled"]
-- expect = ["note event-trigger-disabled replicated", "note event-trigger-disabled off"]
-- text = ["is enabled only for replication"]
CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER replicated ON ddl_command_end EXECUTE PROCEDURE f();
ALTER EVENT TRIGGER replicated ENABLE REPLICA;
CREATE EVENT TRIGGER off ON ddl_command_end EXECUTE PROCEDURE f();
ALTER EVENT TRIGGER off DISABLE;
CREATE EVENT TRIGGER always ON ddl_command_end EXECUTE PROCEDURE f();
ALTER EVENT TRIGGER always ENABLE ALWAYS;
-- @healthy
DROP EVENT TRIGGER replicated;
DROP EVENT TRIGGER off;
