-- An event trigger that runs at each login is a warning, because it can lock everybody out.
--
-- since = 17
-- args = ["--lint"]
-- checks = ["event-trigger-disabled"]
-- expect = ["warning event-trigger-disabled at_login"]
CREATE FUNCTION et() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER at_login ON login EXECUTE FUNCTION et();
-- @healthy
DROP EVENT TRIGGER at_login;
