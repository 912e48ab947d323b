-- Passwords that are stored as MD5 hashes are warnings on PostgreSQL 18, which deprecates them.
--
-- since = 18
-- own = true
-- checks = ["md5-passwords"]
-- expect = ["warning md5-passwords o\"Ld"]
SET password_encryption = 'md5';
CREATE ROLE "o""Ld" LOGIN PASSWORD 'x';
CREATE ROLE old_group PASSWORD 'x';
SET password_encryption = 'scram-sha-256';
CREATE ROLE new LOGIN PASSWORD 'x';
-- @healthy
ALTER ROLE "o""Ld" PASSWORD NULL;
