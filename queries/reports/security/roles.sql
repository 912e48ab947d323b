-- Roles with their attributes, memberships, sessions and the kind of their password.
--
-- since   = 10
-- needs   = "no special privilege; only a superuser sees the kind of passwords"
-- include roles_header
-- [[hidden]]
-- when = "true"
-- says = "the kind of each password is hidden; superusers see it, and roles that may read rolpassword of pg_authid"
WITH passwords AS (
    SELECT NULL::oid AS oid, NULL::text AS password WHERE false
-- include roles_answer
