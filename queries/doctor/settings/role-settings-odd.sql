-- Unexpected settings of databases and roles.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "server"
-- key     = ["database", "role", "name"]
-- columns = ["database text", "role text", "name text", "value text", "whose text", "mild bool", "detail text", "remedy text"]
-- [[check]]
-- name     = "settings-per-role-odd"
-- object   = "{whose}.{name}"
-- warning  = "not mild"
-- note     = "mild"
-- finding  = "{name} is {value} for {whose}: {detail}"
-- remedy   = "{remedy}"
-- proof    = "pgkit settings --grep {name}"
-- why      = "Such a setting overrides the configuration file in every new session, and nobody looks for it there. Anyone who can create a function, an operator or a table in a schema of the search_path can have others use it with their privileges."
-- source   = "pg_db_role_setting"
-- ignore   = "A role for reports with its own settings, or a role for bulk loads."
WITH items AS (
    SELECT d.datname::text AS database, u.rolname::text AS role, s.setdatabase, s.setrole,
           pg_catalog.lower(pg_catalog.split_part(c.item, '=', 1)) AS name, pg_catalog.substr(c.item, pg_catalog.strpos(c.item, '=') + 1) AS value,
           -- pgkit log on stores an end date with its settings, which are checked elsewhere.
           EXISTS (SELECT FROM pg_catalog.unnest(s.setconfig) AS o (item) WHERE o.item LIKE 'pgkit.%') AS is_ours
    FROM pg_catalog.pg_db_role_setting s
    CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (item)
    LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
    LEFT JOIN pg_catalog.pg_roles u ON u.oid = s.setrole
    WHERE (s.setdatabase = 0 OR d.oid IS NOT NULL) AND (s.setrole = 0 OR u.oid IS NOT NULL)
), judged AS (
    SELECT i.*,
           CASE
               WHEN i.name = 'synchronous_commit' AND pg_catalog.lower(i.value) IN ('off', 'false', 'no', '0', 'of', 'f', 'fa', 'fal', 'fals', 'n') THEN 'a crash of the server loses the last commits before it'
               WHEN i.name LIKE 'enable\_%' AND pg_catalog.lower(i.value) IN ('off', 'false', 'no', '0', 'of', 'f', 'fa', 'fal', 'fals', 'n') THEN 'the planner avoids plans that may be the best'
               WHEN i.name = 'log_statement' AND pg_catalog.lower(i.value) IN ('all', 'mod') AND NOT i.is_ours THEN 'every statement is written to the log, including its values'
               -- Without a unit, the value is in kB.
               WHEN i.name = 'work_mem' AND i.value ~ '^ *[0-9]+([.][0-9]+)? *(kB|MB|GB|TB)? *$'
                    AND CASE WHEN i.value ~ '^ *[0-9]+([.][0-9]+)? *(kB|MB|GB|TB)? *$'
                             THEN pg_catalog.pg_size_bytes(CASE WHEN i.value ~ 'B *$' THEN i.value ELSE i.value || ' kB' END) > 1073741824 END
                    THEN 'each sort and hash of each session may use that much memory'
           END AS detail
    FROM items i
)
SELECT j.database, j.role, j.name, j.value, x.whose,
       -- Planner settings of a single role that needs them.
       j.name LIKE 'enable\_%' AND j.setrole <> 0 AS mild,
       j.detail,
       CASE WHEN j.setrole = 0 AND j.setdatabase = 0 THEN 'ALTER ROLE ALL RESET ' WHEN j.setrole = 0 THEN 'ALTER DATABASE ' || pg_catalog.quote_ident(j.database) || ' RESET '
            ELSE 'ALTER ROLE ' || pg_catalog.quote_ident(j.role) || CASE WHEN j.setdatabase = 0 THEN '' ELSE ' IN DATABASE ' || pg_catalog.quote_ident(j.database) END || ' RESET ' END || j.name AS remedy
FROM judged j
CROSS JOIN LATERAL (
    SELECT CASE WHEN j.setrole = 0 AND j.setdatabase = 0 THEN 'all roles' ELSE pg_catalog.concat_ws(' in ', CASE WHEN j.setrole <> 0 THEN 'role ' || j.role END, CASE WHEN j.setdatabase <> 0 THEN 'database ' || j.database END) END AS whose
) AS x
WHERE j.detail IS NOT NULL
ORDER BY j.name COLLATE "C", x.whose COLLATE "C"
