-- What this role may do to read the log: itself, and by the functions of `pgkit log grants` (only a superuser's count:
-- a function runs as the role that calls it, unless its owner has declared it otherwise).
SELECT pg_catalog.has_function_privilege('pg_catalog.pg_current_logfile(text)', 'EXECUTE') AS current,
       pg_catalog.has_function_privilege('pg_catalog.pg_ls_logdir()', 'EXECUTE') AS list,
       pg_catalog.has_function_privilege('pg_catalog.pg_read_binary_file(text,bigint,bigint,boolean)', 'EXECUTE') AS read,
       (SELECT pg_catalog.count(*)
        FROM pg_catalog.pg_proc p
        JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        JOIN pg_catalog.pg_roles r ON r.oid = p.proowner
        WHERE n.nspname = 'pgkit' AND p.proname IN ('log_files', 'current_log', 'read_log') AND r.rolsuper
          AND p.prosecdef
          AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
          AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')) = 3 AS granted
