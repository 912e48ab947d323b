-- Since PostgreSQL 18, constraints can be NOT ENFORCED on purpose and NOT NULL can be NOT VALID. Both are notes.
--
-- since = 18
-- checks = ["constraints-not-validated", "referential-triggers-disabled"]
-- expect = ["note constraints-not-validated public.child.fk", "note constraints-not-validated public.child.ck", "note constraints-not-validated public.child.nn"]
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int, p int, CONSTRAINT fk FOREIGN KEY (p) REFERENCES parent NOT ENFORCED, CONSTRAINT ck CHECK (id > 0) NOT ENFORCED);
ALTER TABLE child ADD CONSTRAINT nn NOT NULL id NOT VALID;
-- @healthy
ALTER TABLE child ALTER CONSTRAINT fk ENFORCED;
ALTER TABLE child DROP CONSTRAINT ck;
ALTER TABLE child VALIDATE CONSTRAINT nn;
