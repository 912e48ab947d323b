-- Roles that expire, that are superusers, or that have nearly the same power.
--
-- since   = 10
-- needs   = "SELECT on the columns oid and rolpassword of pg_authid"
-- when    = "pg_catalog.has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'SELECT') AND pg_catalog.has_column_privilege('pg_catalog.pg_authid', 'oid', 'SELECT')"
-- include role_risks_header
WITH passwords AS (
    SELECT a.oid, a.rolpassword IS NOT NULL AS has_password
    FROM pg_catalog.pg_authid a
-- include role_risks_answer
