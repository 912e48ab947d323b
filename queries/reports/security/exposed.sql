-- What is more open than it should be: functions, schemas, row security, languages, rules of access.
--
-- since   = 10
-- needs   = "CONNECT on the database; a superuser, or EXECUTE on pg_hba_file_rules() and SELECT on that view, for the rules of access"
-- include exposed_header
-- [[hidden]]
-- when = "true"
-- says = "pg_hba.conf was not looked at; a superuser may, and a role with EXECUTE on pg_hba_file_rules() and SELECT on pg_hba_file_rules"
-- [[hidden]]
-- when = "pg_catalog.current_setting('server_version_num')::int4 < 110000"
-- says = "extensions behind their available version are not looked for before PostgreSQL 11; pgkit extensions shows them"
WITH hba (place, reason, name, detail, remedy) AS (
    SELECT 0, NULL::text, NULL::text, NULL::text, NULL::text WHERE false
-- include exposed_answer
