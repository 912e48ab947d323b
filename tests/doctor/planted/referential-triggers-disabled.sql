-- Disabled triggers of constraints are critical, those of users are warnings, and those for replication are notes.
--
-- since = 10
-- checks = ["referential-triggers-disabled"]
-- expect = ["critical referential-triggers-disabled public.child", "warning referential-triggers-disabled public.Noted \" x.Say", "note referential-triggers-disabled public.sound.on_replica", "note referential-triggers-disabled public.sound.everywhere", "critical referential-triggers-disabled public.deferred"]
-- text = ["the triggers of foreign keys child_p_fkey, child_q_fkey are disabled on public.child"]
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int, p int REFERENCES parent, q int REFERENCES parent);
CREATE TABLE sound (id int, p int REFERENCES parent);
CREATE TABLE "Noted "" x" (a int);
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER "Say" BEFORE INSERT ON "Noted "" x" FOR EACH ROW EXECUTE PROCEDURE f();
CREATE TRIGGER other BEFORE INSERT ON "Noted "" x" FOR EACH ROW EXECUTE PROCEDURE f();
CREATE TRIGGER on_replica BEFORE INSERT ON sound FOR EACH ROW EXECUTE PROCEDURE f();
CREATE TRIGGER everywhere BEFORE INSERT ON sound FOR EACH ROW EXECUTE PROCEDURE f();
CREATE TABLE deferred (a int UNIQUE DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE child DISABLE TRIGGER ALL;
ALTER TABLE deferred DISABLE TRIGGER ALL;
ALTER TABLE "Noted "" x" DISABLE TRIGGER "Say";
ALTER TABLE sound ENABLE REPLICA TRIGGER on_replica;
ALTER TABLE sound ENABLE ALWAYS TRIGGER everywhere;
CREATE TEMPORARY TABLE of_session (a int);
CREATE TRIGGER t BEFORE INSERT ON of_session FOR EACH ROW EXECUTE PROCEDURE f();
ALTER TABLE of_session DISABLE TRIGGER t;
-- @healthy
ALTER TABLE child ENABLE TRIGGER ALL;
ALTER TABLE deferred ENABLE TRIGGER ALL;
ALTER TABLE "Noted "" x" ENABLE TRIGGER "Say";
ALTER TABLE sound ENABLE TRIGGER on_replica;
ALTER TABLE sound ENABLE TRIGGER everywhere;
