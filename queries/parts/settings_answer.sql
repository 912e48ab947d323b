), running AS MATERIALIZED (  -- pg12..
), running AS (  -- pg..11
    -- Read after the files: reading these marks what the next restart would change.
    SELECT s.* FROM pg_catalog.pg_settings s WHERE (SELECT pg_catalog.count(*) FROM files f) >= 0
), last_of_files AS (
    SELECT DISTINCT ON (f.name) f.name, f.setting, f.sourcefile, f.sourceline
    FROM files f
    WHERE f.name IS NOT NULL
    ORDER BY f.name, f.seqno DESC
), of_roles AS (
    SELECT CASE
               WHEN r.setdatabase = 0 AND r.setrole = 0 THEN 'global'
               WHEN r.setrole = 0 THEN 'database'
               WHEN r.setdatabase = 0 THEN 'user'
               ELSE 'database user'
           END AS source,
           coalesce(d.datname::text, CASE WHEN r.setdatabase <> 0 THEN r.setdatabase::text END) AS database,
           coalesce(u.rolname::text, CASE WHEN r.setrole <> 0 THEN r.setrole::text END) AS role,
           pg_catalog.split_part(c.item, '=', 1) AS name,
           pg_catalog.substr(c.item, pg_catalog.strpos(c.item, '=') + 1) AS value,
           -- Whether it applies to this very session, and so hides the server's value.
           (r.setdatabase = 0 OR d.datname = pg_catalog.current_database()) AND (r.setrole = 0 OR u.rolname = SESSION_USER) AS is_ours
    FROM pg_catalog.pg_db_role_setting r
    CROSS JOIN LATERAL pg_catalog.unnest(r.setconfig) AS c (item)
    LEFT JOIN pg_catalog.pg_database d ON d.oid = r.setdatabase
    LEFT JOIN pg_catalog.pg_roles u ON u.oid = r.setrole
), judged AS (
    -- What the server has, beneath what this session has for itself.
    SELECT r.*, f.setting AS file_setting, f.sourcefile AS last_file, f.sourceline AS last_line,
           CASE
               WHEN r.source IN ('default', 'override', 'configuration file', 'command line', 'environment variable') THEN 'server'
               -- pgkit sets some for each transaction.
               WHEN r.source = 'session' AND NOT EXISTS (SELECT FROM of_roles o WHERE o.is_ours AND pg_catalog.lower(o.name) = pg_catalog.lower(r.name)) THEN 'reset'
               WHEN f.setting IS NOT NULL THEN 'file'
               ELSE 'unknown'
           END AS known_by,
           -- The server forgets a change that was taken back from the file only when it restarts.
           r.pending_restart AND NOT (r.source = 'default' AND f.setting IS NULL AND EXISTS (SELECT FROM files)) AS is_pending
    FROM running r
    LEFT JOIN last_of_files f ON f.name = pg_catalog.lower(r.name)
), of_server AS (
    SELECT j.name,
           CASE j.known_by WHEN 'server' THEN j.setting WHEN 'reset' THEN j.reset_val ELSE j.file_setting END AS value,
           CASE WHEN j.known_by <> 'file' OR j.file_setting ~ '^[-+]?[0-9.]+$' THEN j.unit END AS unit, j.boot_val,
           CASE
               WHEN j.known_by = 'server' THEN j.source
               WHEN j.reset_val IS NOT DISTINCT FROM j.boot_val AND j.file_setting IS NULL THEN 'default'
               WHEN j.file_setting IS NOT NULL THEN 'configuration file'
           END AS source,
           CASE WHEN j.known_by = 'server' THEN j.sourcefile ELSE j.last_file END AS file,
           CASE WHEN j.known_by = 'server' THEN j.sourceline ELSE j.last_line END AS line,
           j.is_pending AS pending_restart,
           CASE WHEN j.is_pending THEN j.file_setting END AS pending_value,
           j.context
    FROM judged j
    WHERE j.known_by <> 'unknown'
), answer AS (
    SELECT 1 AS place, coalesce(f.name, pg_catalog.regexp_replace(f.sourcefile, '^.*/', '')) AS name, f.setting AS value, NULL::text AS unit,
           NULL::text AS boot_val, 'error' AS source, f.sourcefile AS file, f.sourceline AS line, NULL::bool AS pending_restart,
           NULL::text AS pending_value, 'server' AS scope, NULL::text AS database, NULL::text AS role, NULL::text AS context,
           f.sourcefile || ':' || f.sourceline::text || ': ' || f.error AS error
    FROM files f
    -- What waits for a restart is called an error there too.
    WHERE f.error IS NOT NULL AND NOT EXISTS (SELECT FROM running r WHERE r.pending_restart AND pg_catalog.lower(r.name) = f.name)
    UNION ALL
    SELECT 1, pg_catalog.regexp_replace(o.file, '^.*/', ''), NULL, NULL, NULL, 'error', o.file, o.line, NULL, NULL, 'server', NULL, NULL, NULL,
           o.file || ':' || o.line::text || ': ' || o.error
    FROM other_faults o
    UNION ALL
    SELECT CASE WHEN s.pending_restart THEN 2 ELSE 3 END, s.name, s.value, s.unit, s.boot_val, s.source, s.file, s.line, s.pending_restart,
           s.pending_value, 'server', NULL, NULL, s.context, NULL
    FROM of_server s
    WHERE $1
       OR s.pending_restart
       OR (s.source NOT IN ('default', 'override') AND s.value IS DISTINCT FROM s.boot_val
           -- The server derives this one from the limit of the operating system.
           AND NOT (s.name = 'max_stack_depth' AND s.source = 'environment variable'))
       OR (s.source IS NULL AND s.value IS DISTINCT FROM s.boot_val)
    UNION ALL
    SELECT 4, o.name, o.value, CASE WHEN o.value ~ '^[-+]?[0-9.]+$' THEN r.unit END, r.boot_val, o.source, NULL, NULL, NULL, NULL,
           CASE o.source WHEN 'global' THEN 'all roles' WHEN 'database' THEN 'database' WHEN 'user' THEN 'role' ELSE 'role in database' END,
           o.database, o.role, r.context, NULL
    FROM of_roles o
    LEFT JOIN running r ON pg_catalog.lower(r.name) = pg_catalog.lower(o.name)
)
SELECT a.name,
       m.value,
       a.unit,
       a.boot_val AS "default",
       a.source,
       a.file,
       a.line,
       a.pending_restart,
       m.pending_value,
       a.scope,
       a.database,
       a.role AS "user",
       a.context,
       a.error
FROM answer a
CROSS JOIN LATERAL (
    -- A connection string may have a password.
    SELECT CASE WHEN c.has_password THEN pg_catalog.regexp_replace(pg_catalog.regexp_replace(a.value, c.word, '\1***', 'gi'), c.url, '\1***\2')
                ELSE a.value END AS value,
           CASE WHEN c.has_password THEN pg_catalog.regexp_replace(pg_catalog.regexp_replace(a.pending_value, c.word, '\1***', 'gi'), c.url, '\1***\2')
                ELSE a.pending_value END AS pending_value
    FROM (SELECT pg_catalog.lower(a.name) = 'primary_conninfo' AS has_password,
                 '(password\s*=\s*)(?:''(?:\\.|[^''\\])*''|(?:\\.|[^\s\\&])*)'::text AS word,
                 '(://[^:/@\s]*:)[^@\s]*(@)'::text AS url) AS c
) AS m
ORDER BY a.place, a.name COLLATE "C", a.scope, a.database COLLATE "C", a.role COLLATE "C", a.file COLLATE "C", a.line, a.error COLLATE "C"
