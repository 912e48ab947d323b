-- What is more open than it should be: functions, schemas, row security, languages, rules of access.
--
-- since   = 10
-- needs   = "EXECUTE on pg_hba_file_rules() and SELECT on pg_hba_file_rules"
-- when    = "pg_catalog.has_function_privilege('pg_catalog.pg_hba_file_rules()', 'EXECUTE') AND pg_catalog.has_table_privilege('pg_catalog.pg_hba_file_rules', 'SELECT')"
-- include exposed_header
-- [[hidden]]
-- when = "pg_catalog.current_setting('server_version_num')::int4 < 110000"
-- says = "extensions behind their available version are not looked for before PostgreSQL 11; pgkit extensions shows them"
-- include hba_outside
), hba (place, reason, name, detail, remedy) AS (
    SELECT CASE r.method WHEN 'trust' THEN 1 ELSE 2 END,
           CASE r.method WHEN 'trust' THEN 'trust' ELSE 'clear password' END,
           r.file || ', line ' || r.line::text,
           r.type || ' ' || pg_catalog.array_to_string(r.database, ',') || ' ' || pg_catalog.array_to_string(r.user_name, ',') || ' ' || coalesce(r.address, '')
           || coalesce(' ' || r.netmask, '')
           || CASE r.method WHEN 'trust' THEN ': anybody from there may connect as any of these roles, without a password'
                            ELSE ': the password is sent as it is, readable on the way' END,
           CASE r.method WHEN 'trust' THEN 'write scram-sha-256 instead of trust, then SELECT pg_reload_conf()'
                         ELSE 'write hostssl and scram-sha-256, then SELECT pg_reload_conf()' END
    FROM outside r
    WHERE r.method = 'trust' OR (r.method IN ('password', 'ldap', 'pam', 'radius', 'bsd') AND NOT r.is_encrypted)
-- include exposed_answer
