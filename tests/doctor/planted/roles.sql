-- Roles that expire, too many superusers, and roles that may do nearly as much as a superuser are found.
--
-- since = 11
-- own = true
-- checks = ["role-expiry", "superusers-many", "dangerous-memberships"]
-- expect = ["critical role-expiry past", "warning role-expiry \"So on\"", "note superusers-many", "warning dangerous-memberships member", "warning dangerous-memberships Deep", "warning dangerous-memberships seer", "warning dangerous-memberships copier", "note dangerous-memberships my_backup", "warning dangerous-memberships becomes"]
-- text = ["4 roles that may log in are superusers, in addition to the one that initdb created: admin1, admin2, admin3, admin5"]
CREATE ROLE past LOGIN PASSWORD 'x' VALID UNTIL '2024-01-01';
CREATE ROLE """So on""" LOGIN PASSWORD 'x' VALID UNTIL 'infinity';
DO $$BEGIN EXECUTE format('ALTER ROLE """So on""" VALID UNTIL %L', now() + interval '6 days'); END$$;
CREATE ROLE later LOGIN PASSWORD 'x' VALID UNTIL 'infinity';
DO $$BEGIN EXECUTE format('ALTER ROLE later VALID UNTIL %L', now() + interval '8 days'); END$$;
CREATE ROLE endless LOGIN PASSWORD 'x' VALID UNTIL 'infinity';
CREATE ROLE without_password LOGIN VALID UNTIL '2024-01-01';
CREATE ROLE nologin PASSWORD 'x' VALID UNTIL '2024-01-01';
CREATE ROLE shut LOGIN PASSWORD 'x' VALID UNTIL 'epoch';
CREATE ROLE shut2 LOGIN PASSWORD 'x' CONNECTION LIMIT 0 VALID UNTIL '2024-01-01';
CREATE ROLE admin1 SUPERUSER LOGIN;
CREATE ROLE admin2 SUPERUSER LOGIN;
CREATE ROLE admin3 SUPERUSER LOGIN;
CREATE ROLE admin4 SUPERUSER;
CREATE ROLE admin5 SUPERUSER LOGIN;
CREATE ROLE member;
GRANT pg_execute_server_program TO member;
CREATE ROLE "Deep" LOGIN NOINHERIT;
GRANT member TO "Deep";
CREATE ROLE seer LOGIN BYPASSRLS;
CREATE ROLE group_of_seers BYPASSRLS;
CREATE ROLE copier LOGIN REPLICATION;
CREATE ROLE my_backup LOGIN REPLICATION;
CREATE ROLE becomes LOGIN;
GRANT admin4 TO becomes;
CREATE ROLE reader LOGIN;
GRANT pg_read_all_stats TO reader;
-- @healthy
DROP ROLE past, """So on""", admin1, "Deep", member, seer, copier, my_backup, becomes;
