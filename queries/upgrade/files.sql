-- What the server would meet in its files when it is started again, as pg_upgrade does it: lines that it does not take, and
-- libraries that it has not loaded yet. Only a superuser sees them. What only waits for a restart is no fault.
SELECT 'stops' AS severity,
       NULL::text AS database,
       'file ' || f.sourcefile || ', line ' || f.sourceline::text AS object,
       'is not taken by the server: ' || COALESCE(f.name, '') AS problem,
       'mend that line' AS fix,
       f.error || '; pg_upgrade starts the old server with its files' AS why,
       NULL::text AS sql,
       NULL::text AS run_in,
       true AS choice
FROM pg_catalog.pg_file_settings f
WHERE f.error IS NOT NULL
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_settings s WHERE s.name = f.name AND s.pending_restart)
UNION ALL
SELECT 'unseen', NULL, 'file ' || r.sourcefile, 'was changed, and not read since', 'SELECT pg_catalog.pg_reload_conf();',
       'whether the server starts with that nobody has seen, and pg_upgrade starts it', NULL, NULL, true
FROM (SELECT DISTINCT f.sourcefile FROM pg_catalog.pg_file_settings f) AS r
WHERE CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 110000
                OR pg_catalog.strpos(r.sourcefile, pg_catalog.current_setting('data_directory')) = 1
           THEN (pg_catalog.pg_stat_file(r.sourcefile, true)).modification > pg_catalog.pg_conf_load_time() END
UNION ALL
SELECT 'stops', NULL, 'file pg_hba.conf, line ' || h.line_number::text, 'is not taken by the server', 'mend that line',
       h.error || '; pg_upgrade starts the old server with its files', NULL, NULL, true
FROM pg_catalog.pg_hba_file_rules h
WHERE h.error IS NOT NULL
UNION ALL
SELECT 'unseen', NULL, 'setting ' || s.name, 'is changed, and the server not restarted since', 'restart the server',
       'whether it starts with that nobody has seen, and pg_upgrade starts it', NULL, NULL, true
FROM pg_catalog.pg_settings s
WHERE s.pending_restart
ORDER BY 3
