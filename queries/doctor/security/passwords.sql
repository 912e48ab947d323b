-- Passwords that are stored as md5 hashes.
--
-- since   = 10
-- needs   = "SELECT on pg_authid"
-- scope   = "cluster"
-- key     = ["role"]
-- columns = ["role text", "deprecated bool", "remedy text"]
-- [[check]]
-- name     = "md5-passwords"
-- object   = "{role}"
-- warning  = "deprecated"
-- note     = "not deprecated"
-- finding  = "the password of {role} is stored as an md5 hash"
-- remedy   = "{remedy}"
-- proof    = "pgkit roles"
-- why      = "Anyone who reads an md5 hash, for example in a backup, can log in with it without knowing the password. PostgreSQL 18 deprecates these hashes, and a later version will reject them."
-- source   = "pg_authid.rolpassword; PostgreSQL 18's release notes"
-- ignore   = "A driver that does not support SCRAM, until it is replaced."
SELECT a.rolname::text AS role,
       true AS deprecated,  -- pg18..
       false AS deprecated,  -- pg..17
       -- psql reads the name as SQL does, up to the end of the line.
       CASE WHEN a.rolname::text ~ '[[:cntrl:]]' THEN 'set it again with ALTER ROLE ' || pg_catalog.quote_ident(a.rolname) || ' PASSWORD ...'
            ELSE 'set it again: \password ' || pg_catalog.quote_ident(a.rolname) || ' in psql' END || ', with password_encryption = ''scram-sha-256''' AS remedy
FROM pg_catalog.pg_authid a
WHERE a.rolcanlogin AND a.rolpassword ~ '^md5[0-9a-f]{32}$'
ORDER BY a.rolname::text COLLATE "C"
