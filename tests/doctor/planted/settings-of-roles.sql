-- Settings of roles and databases that hide damage or bypass foreign keys are found. Harmless values are not.
--
-- since = 10
-- settings = ["autovacuum = on"]
-- checks = ["damage-hiding-settings", "foreign-keys-bypassed", "autovacuum-off"]
-- expect = ["critical damage-hiding-settings database Other \"db: zero_damaged_pages", "critical damage-hiding-settings role Re'pair in database Other \"db: ignore_checksum_failure", "critical foreign-keys-bypassed role loader", "warning foreign-keys-bypassed role group_of_loaders", "critical foreign-keys-bypassed database Other \"db", "critical autovacuum-off database Other \"db", "warning autovacuum-off role loader"]
CREATE DATABASE "Other ""db";
CREATE ROLE "Re'pair" LOGIN;
CREATE ROLE loader LOGIN;
CREATE ROLE group_of_loaders;
CREATE ROLE harmless LOGIN;
ALTER DATABASE "Other ""db" SET zero_damaged_pages = 'TRUE';
ALTER ROLE "Re'pair" IN DATABASE "Other ""db" SET ignore_checksum_failure = 1;
ALTER ROLE loader SET session_replication_role = replica;
ALTER ROLE group_of_loaders SET session_replication_role = 'replica';
-- With local, foreign keys are checked as with origin.
ALTER ROLE harmless IN DATABASE "Other ""db" SET session_replication_role = 'local';
ALTER DATABASE "Other ""db" SET session_replication_role = 'Replica';
ALTER ROLE harmless SET session_replication_role = origin;
ALTER ROLE harmless SET zero_damaged_pages = off;
ALTER ROLE harmless SET track_counts = on;
ALTER DATABASE "Other ""db" SET track_counts = off;
ALTER ROLE loader SET track_counts = 'off';
-- @healthy
DROP DATABASE "Other ""db";
DROP ROLE "Re'pair";
DROP ROLE loader;
DROP ROLE group_of_loaders;
