-- Settings that differ from their defaults, those of databases and roles too, and faults in the configuration files.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_settings shows all settings; faults in files need a superuser, or GRANT SELECT on pg_file_settings, pg_hba_file_rules and pg_ident_file_mappings and EXECUTE on their functions"
-- when    = '''pg_catalog.has_table_privilege('pg_catalog.pg_file_settings', 'SELECT') AND pg_catalog.has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'EXECUTE') AND pg_catalog.has_table_privilege('pg_catalog.pg_hba_file_rules', 'SELECT') AND pg_catalog.has_function_privilege('pg_catalog.pg_hba_file_rules()', 'EXECUTE') AND coalesce(pg_catalog.has_table_privilege(pg_catalog.to_regclass('pg_catalog.pg_ident_file_mappings')::pg_catalog.oid, 'SELECT'), true) AND coalesce(pg_catalog.has_function_privilege(pg_catalog.to_regprocedure('pg_catalog.pg_ident_file_mappings()')::pg_catalog.oid, 'EXECUTE'), true)'''
-- source  = "pg_settings, pg_db_role_setting, pg_file_settings, pg_hba_file_rules, pg_ident_file_mappings (from 15)"
-- scope   = "server"
-- example = "pgkit settings --grep work_mem"
-- include settings_header
-- [[hidden]]
-- when = """NOT pg_catalog.pg_has_role('pg_read_all_settings',
--     'MEMBER'  -- pg..14
--     'USAGE'  -- pg15..
-- )"""
-- says = "some settings, and the file of each, are not shown; pg_read_all_settings shows them"
WITH files AS MATERIALIZED (  -- pg12..
WITH files AS (  -- pg..11
    SELECT f.sourcefile, f.sourceline, f.seqno, pg_catalog.lower(f.name) AS name, f.setting, f.error
    FROM pg_catalog.pg_file_settings f
), other_faults AS (
    SELECT pg_catalog.current_setting('hba_file') AS file, h.line_number AS line, h.error  -- pg..15
    SELECT h.file_name AS file, h.line_number AS line, h.error  -- pg16..
    FROM pg_catalog.pg_hba_file_rules h
    WHERE h.error IS NOT NULL
    UNION ALL  -- pg15..
    SELECT pg_catalog.current_setting('ident_file'), i.line_number, i.error  -- pg15..15
    SELECT i.file_name, i.line_number, i.error  -- pg16..
    FROM pg_catalog.pg_ident_file_mappings i  -- pg15..
    WHERE i.error IS NOT NULL  -- pg15..
-- include settings_answer
