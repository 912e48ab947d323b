-- Roles that expire, that are superusers, or that have nearly the same power.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows where superusers are connected from"
-- include role_risks_header
WITH passwords AS (
    SELECT r.oid, NULL::bool AS has_password
    FROM pg_catalog.pg_roles r
-- include role_risks_answer
