-- Settings of databases and roles that nobody expects there.
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
-- why      = "Such a setting wins over the configuration file in every new session, and nobody looks for it there. Through a search_path, whoever creates a function, an operator or a table in its schemas gets it used by others, with their privileges."
-- source   = "pg_db_role_setting"
-- ignore   = "A role for reports with settings of its own, a role for bulk loads."
WITH items AS (
    SELECT d.datname::text AS database, u.rolname::text AS role, s.setdatabase, s.setrole,
           pg_catalog.lower(pg_catalog.split_part(c.item, '=', 1)) AS name, pg_catalog.substr(c.item, pg_catalog.strpos(c.item, '=') + 1) AS value,
           -- pgkit log on keeps a date of its own beside what it sets, and pgkit looks after it.
           EXISTS (SELECT FROM pg_catalog.unnest(s.setconfig) AS o (item) WHERE o.item LIKE 'pgkit.%') AS is_ours
    FROM pg_catalog.pg_db_role_setting s
    CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (item)
    LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
    LEFT JOIN pg_catalog.pg_roles u ON u.oid = s.setrole
    WHERE (s.setdatabase = 0 OR d.oid IS NOT NULL) AND (s.setrole = 0 OR u.oid IS NOT NULL)
), judged AS (
    SELECT i.*,
           CASE
               WHEN i.name = 'synchronous_commit' AND pg_catalog.lower(i.value) IN ('off', 'false', 'no', '0', 'of', 'f', 'fa', 'fal', 'fals', 'n') THEN 'a crash of the server loses what was committed just before'
               WHEN i.name LIKE 'enable\_%' AND pg_catalog.lower(i.value) IN ('off', 'false', 'no', '0', 'of', 'f', 'fa', 'fal', 'fals', 'n') THEN 'the planner leaves out plans that may be the best'
               WHEN i.name = 'log_statement' AND pg_catalog.lower(i.value) IN ('all', 'mod') AND NOT i.is_ours THEN 'every statement is written to the log, values included'
               -- Without a unit it is kB.
               WHEN i.name = 'work_mem' AND i.value ~ '^ *[0-9]+([.][0-9]+)? *(kB|MB|GB|TB)? *$'
                    AND CASE WHEN i.value ~ '^ *[0-9]+([.][0-9]+)? *(kB|MB|GB|TB)? *$'
                             THEN pg_catalog.pg_size_bytes(CASE WHEN i.value ~ 'B *$' THEN i.value ELSE i.value || ' kB' END) > 1073741824 END
                    THEN 'each sort and hash of each session may take that much'
           END AS detail
    FROM items i
)
SELECT j.database, j.role, j.name, j.value, x.whose,
       -- Hints for one role that needs them.
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
