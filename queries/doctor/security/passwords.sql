-- Passwords that are stored as md5 hashes.
--
-- since   = 10
-- needs   = "SELECT on pg_authid"
-- scope   = "cluster"
-- key     = ["role"]
-- columns = ["role text", "deprecated bool"]
-- [[check]]
-- name     = "md5-passwords"
-- object   = "{role}"
-- warning  = "deprecated"
-- note     = "not deprecated"
-- finding  = "the password of {role} is stored as an md5 hash"
-- remedy   = "set it again: \\password {role} in psql, with password_encryption = 'scram-sha-256'"
-- proof    = "pgkit roles"
-- why      = "Anyone who reads an md5 hash, for example in a backup, can log in with it without knowing the password. PostgreSQL 18 deprecates these hashes, and a later version will reject them."
-- source   = "pg_authid.rolpassword; PostgreSQL 18's release notes"
-- ignore   = "A driver that does not support SCRAM, until it is replaced."
SELECT a.rolname::text AS role,
       true AS deprecated  -- pg18..
       false AS deprecated  -- pg..17
FROM pg_catalog.pg_authid a
WHERE a.rolcanlogin AND a.rolpassword ~ '^md5[0-9a-f]{32}$'
ORDER BY a.rolname::text COLLATE "C"
