-- Matters of style are reported only with --lint.
--
-- since = 10
-- args = ["--lint"]
-- also = ["never-analysed", "constraints-not-validated"]
-- checks = ["no-primary-key", "duplicate-foreign-key", "types-worth-a-look", "name-truncated", "event-trigger-disabled"]
-- expect = ["note no-primary-key public.bare", "warning no-primary-key public.large", "note no-primary-key public.deferred", "note no-primary-key Od d.P 1", "note duplicate-foreign-key public.child.child_2", "note duplicate-foreign-key public.child.child_8", "note types-worth-a-look public", "note name-truncated public.a23456789_123456789_123456789_123456789_123456789_123456789_123", "note name-truncated public.ok.я2345678_123456789_123456789_123456789_123456789_123456789_123", "note event-trigger-disabled \"off\""]
-- text = ["json 1, char(n) 1, money 1, timestamp without time zone 1, time with time zone 1, float for money 1, serial 1, varchar as primary key 1"]
CREATE TABLE bare (a int);
CREATE TABLE large (a int) WITH (autovacuum_enabled = false);
UPDATE pg_class SET relpages = 100, reltuples = 10001 WHERE relname = 'large';
CREATE TABLE deferred (a int NOT NULL UNIQUE DEFERRABLE);
CREATE SCHEMA "Od d";
CREATE TABLE "Od d"."P 1" (a int) PARTITION BY RANGE (a);
CREATE TABLE "Od d".part PARTITION OF "Od d"."P 1" FOR VALUES FROM (0) TO (9);
-- These tables are not found: a unique index over NOT NULL columns, or the inherited key of a parent, is a key too.
CREATE TABLE ok (id int PRIMARY KEY, a int, "я2345678_123456789_123456789_123456789_123456789_123456789_123" int);
CREATE TABLE uniq (a int NOT NULL, b int NOT NULL);
CREATE UNIQUE INDEX ON uniq (a, b);
CREATE TABLE heir () INHERITS (ok);
CREATE TABLE parent (a int, b int, PRIMARY KEY (a, b), UNIQUE (b, a));
CREATE TABLE child (id int PRIMARY KEY, a int, b int, c int,
    CONSTRAINT child_1 FOREIGN KEY (a, b) REFERENCES parent,
    CONSTRAINT child_2 FOREIGN KEY (b, a) REFERENCES parent (b, a),
    CONSTRAINT child_3 FOREIGN KEY (b, c) REFERENCES parent,
    CONSTRAINT child_4 FOREIGN KEY (a) REFERENCES ok,
    -- These do something else than the first.
    CONSTRAINT child_5 FOREIGN KEY (a, b) REFERENCES parent ON DELETE CASCADE,
    CONSTRAINT child_6 FOREIGN KEY (a, b) REFERENCES parent MATCH FULL,
    CONSTRAINT child_7 FOREIGN KEY (a, b) REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
-- The one that has been validated is kept.
ALTER TABLE child ADD CONSTRAINT child_8 FOREIGN KEY (a, b) REFERENCES parent ON UPDATE CASCADE NOT VALID;
ALTER TABLE child ADD CONSTRAINT child_9 FOREIGN KEY (a, b) REFERENCES parent ON UPDATE CASCADE;
CREATE TABLE types (id varchar(20) PRIMARY KEY, a json, b char(3), c money, d timestamp, e timetz, total_price float8, g serial,
    h jsonb, i text, j timestamptz, k time, ratio float8);
CREATE TABLE a23456789_123456789_123456789_123456789_123456789_123456789_123 (id int CONSTRAINT short PRIMARY KEY);
CREATE TABLE b23456789_123456789_123456789_123456789_123456789_123456789_12 (id int CONSTRAINT short2 PRIMARY KEY);
CREATE FUNCTION et() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER """off""" ON sql_drop EXECUTE PROCEDURE et();
ALTER EVENT TRIGGER """off""" DISABLE;
CREATE EVENT TRIGGER active ON sql_drop EXECUTE PROCEDURE et();
-- @healthy
DROP EVENT TRIGGER """off""";
DROP TABLE bare, large, deferred, child, types, a23456789_123456789_123456789_123456789_123456789_123456789_123;
DROP SCHEMA "Od d" CASCADE;
ALTER TABLE ok DROP "я2345678_123456789_123456789_123456789_123456789_123456789_123" CASCADE;
