-- Roles with their attributes, memberships, sessions and the kind of their password.
--
-- since   = 10
-- needs   = "SELECT on the columns oid and rolpassword of pg_authid"
-- when    = "pg_catalog.has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'SELECT') AND pg_catalog.has_column_privilege('pg_catalog.pg_authid', 'oid', 'SELECT')"
-- include roles_header
WITH passwords AS (
    SELECT a.oid,
           CASE WHEN a.rolpassword IS NULL THEN 'none'
                WHEN a.rolpassword ~ '^md5[0-9a-f]{32}$' THEN 'md5'
                WHEN a.rolpassword ~ '^SCRAM-SHA-256[$]' THEN 'scram'
                ELSE 'other' END AS password
    FROM pg_catalog.pg_authid a
-- include roles_answer
