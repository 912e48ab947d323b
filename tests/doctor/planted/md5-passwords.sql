-- Passwords that are stored as MD5 hashes are notes before PostgreSQL 18.
--
-- until = 17
-- own = true
-- checks = ["md5-passwords"]
-- expect = ["note md5-passwords o\"Ld"]
SET password_encryption = 'md5';
CREATE ROLE "o""Ld" LOGIN PASSWORD 'x';
CREATE ROLE old_group PASSWORD 'x';
SET password_encryption = 'scram-sha-256';
CREATE ROLE new LOGIN PASSWORD 'x';
-- @healthy
ALTER ROLE "o""Ld" PASSWORD NULL;
