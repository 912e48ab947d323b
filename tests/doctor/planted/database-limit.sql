-- A database of whose connection limit 85 % is used is a warning.
--
-- since = 10
-- own = true
-- checks = ["database-or-role-limit"]
-- expect = ["warning database-or-role-limit {database}"]
CREATE DATABASE shut CONNECTION LIMIT 0;
-- Limits of -1 and 0, and a limit that is far away, are not reported.
CREATE DATABASE wide CONNECTION LIMIT 100;
CREATE ROLE far LOGIN CONNECTION LIMIT 3;
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 20', current_database()); END $$;
-- @session s1
SELECT 1;
-- @session s2
SELECT 1;
-- @session s3
SELECT 1;
-- @session s4
SELECT 1;
-- @session s5
SELECT 1;
-- @session s6
SELECT 1;
-- @session s7
SELECT 1;
-- @session s8
SELECT 1;
-- @session s9
SELECT 1;
-- @session s10
SELECT 1;
-- @session s11
SELECT 1;
-- @session s12
SELECT 1;
-- @session s13
SELECT 1;
-- @session s14
SELECT 1;
-- @session s15
SELECT 1;
-- @session s16
SELECT 1;
-- @healthy
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT -1', current_database()); END $$;
