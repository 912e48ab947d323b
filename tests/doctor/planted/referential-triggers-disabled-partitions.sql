-- Disabled triggers are reported once, at the root of a partition tree, or at the one partition that has them.
--
-- since = 12
-- checks = ["referential-triggers-disabled"]
-- expect = ["critical referential-triggers-disabled public.whole", "warning referential-triggers-disabled public.whole.t", "critical referential-triggers-disabled public.part_2", "warning referential-triggers-disabled public.part_2.t"]
CREATE TABLE parent (id int PRIMARY KEY);
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE whole (id int, p int REFERENCES parent) PARTITION BY RANGE (id);
CREATE TABLE whole_1 PARTITION OF whole FOR VALUES FROM (0) TO (10);
CREATE TABLE whole_2 PARTITION OF whole FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);
CREATE TABLE whole_2_1 PARTITION OF whole_2 FOR VALUES FROM (10) TO (20);
CREATE TRIGGER t AFTER INSERT ON whole FOR EACH ROW EXECUTE PROCEDURE f();
ALTER TABLE whole DISABLE TRIGGER ALL;
ALTER TABLE whole_1 DISABLE TRIGGER ALL;
ALTER TABLE whole_2 DISABLE TRIGGER ALL;
ALTER TABLE whole_2_1 DISABLE TRIGGER ALL;
CREATE TABLE part (id int, p int REFERENCES parent) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (20);
CREATE TRIGGER t AFTER INSERT ON part FOR EACH ROW EXECUTE PROCEDURE f();
ALTER TABLE part_2 DISABLE TRIGGER ALL;
-- @healthy
ALTER TABLE whole ENABLE TRIGGER ALL;
ALTER TABLE whole_1 ENABLE TRIGGER ALL;
ALTER TABLE whole_2 ENABLE TRIGGER ALL;
ALTER TABLE whole_2_1 ENABLE TRIGGER ALL;
ALTER TABLE part_2 ENABLE TRIGGER ALL;
