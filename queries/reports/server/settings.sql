-- Settings that differ from their defaults, those of databases and roles too, and faults in the configuration files.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_settings shows all settings; faults in files need a superuser, or GRANT SELECT on pg_file_settings, pg_hba_file_rules and pg_ident_file_mappings and EXECUTE on their functions"
-- source  = "pg_settings, pg_db_role_setting"
-- scope   = "server"
-- example = "pgkit settings --grep work_mem"
-- reading = "A row with source error is a fault in a file, at which the next reload or start fails: mend it first. A row with pending_restart keeps its old value until the server is restarted."
-- notes   = "scope says where a value was set. In a new session, a value that was set for the role in this database wins over one for the role, that one over one for the database, and that one over the server's."
-- key     = ["name", "scope", "database", "user", "error"]
-- incidental = ["file", "line"]
-- private = ["value where name = application_name|synchronous_standby_names|primary_conninfo", "default where name = application_name|synchronous_standby_names|primary_conninfo", "pending_value where name = application_name|synchronous_standby_names|primary_conninfo"]
-- include settings_header
-- [[hidden]]
-- when = """NOT pg_catalog.pg_has_role('pg_read_all_settings',
--     'MEMBER'  -- pg..14
--     'USAGE'  -- pg15..
-- )"""
-- says = "some settings, and the file of each, are not shown; pg_read_all_settings shows them"
-- [[hidden]]
-- when = "true"
-- says = "faults in the configuration files are not shown; superusers see them, or GRANT SELECT on pg_file_settings, pg_hba_file_rules and pg_ident_file_mappings with EXECUTE on their functions"
WITH files (sourcefile, sourceline, seqno, name, setting, error) AS (
    SELECT NULL::text, NULL::int4, NULL::int4, NULL::text, NULL::text, NULL::text WHERE false
), other_faults (file, line, error) AS (
    SELECT NULL::text, NULL::int4, NULL::text WHERE false
-- include settings_answer
