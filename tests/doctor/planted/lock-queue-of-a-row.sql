-- Sessions that have waited half a minute for a row that a prepared transaction holds are a warning.
--
-- since = 10
-- own = true
-- settings = ["max_prepared_transactions = 5"]
-- checks = ["lock-queue", "ddl-waiting"]
-- expect = ["warning lock-queue public.rows", "note lock-queue advisory"]
-- text = ["the prepared transaction it's \"one\""]
CREATE TABLE rows (a int PRIMARY KEY);
INSERT INTO rows VALUES (1);
BEGIN;
UPDATE rows SET a = 2;
PREPARE TRANSACTION 'it''s "one"';
-- @session m
-- A queue for an advisory lock that serves as a mutex is only a note.
SELECT pg_advisory_lock(7);
-- @start w1
UPDATE rows SET a = 3;
-- @start w2
UPDATE rows SET a = 4;
-- @start w3
SELECT pg_advisory_lock(7);
-- @sleep 31s
-- @healthy
ROLLBACK PREPARED 'it''s "one"';
-- @session m
SELECT pg_advisory_unlock(7);
-- @sleep 1s
