-- Whether autovacuum runs, and whether the counts that it relies on are collected.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "server"
-- key     = ["setting", "holder"]
-- columns = ["setting text", "holder text", "database text", "is_known bool", "is_role bool", "what text", "remedy text"]
-- [[check]]
-- name     = "autovacuum-off"
-- object   = "{holder}"
-- database = "database"
-- critical = "is_known and not is_role"
-- warning  = "is_known"
-- unseen   = "not is_known"
-- unseen_because = "a setting of this session hides the server's own value of {setting}"
-- finding  = "{what}"
-- remedy   = "{remedy}"
-- why      = "Without autovacuum, dead rows stay, tables and indexes grow, the planner's statistics become stale, and one day vacuums to prevent wraparound start on all tables at once. Without track_counts, autovacuum does nothing either."
-- source   = "the manual, autovacuum and track_counts; check_pgactivity and postgresqltuner"
-- ignore   = "A throwaway server, or the duration of a bulk load."
-- proof    = "pgkit settings --grep {setting}"
WITH own AS (
    SELECT r.setdatabase, r.setrole, pg_catalog.substr(c.item, pg_catalog.strpos(c.item, '=') + 1) AS value
    FROM pg_catalog.pg_db_role_setting r
    CROSS JOIN LATERAL pg_catalog.unnest(r.setconfig) AS c (item)
    WHERE pg_catalog.lower(pg_catalog.split_part(c.item, '=', 1)) = 'track_counts'
), found AS (
    -- A value that this session gets from its role or database says nothing about the server's own value.
    SELECT s.name AS setting, 'server' AS holder, NULL::text AS database, false AS is_role, s.setting = 'off' AS is_off,
           s.source IN ('default', 'override', 'configuration file', 'command line', 'environment variable') AS is_known,
           CASE s.name WHEN 'autovacuum' THEN 'autovacuum is off: nothing is vacuumed or analyzed automatically' ELSE 'track_counts is off: autovacuum never starts, and rows and scans are not counted' END AS what,
           pg_catalog.format('ALTER SYSTEM SET %I = on; SELECT pg_reload_conf()', s.name) AS remedy
    FROM pg_catalog.pg_settings s
    WHERE s.name IN ('autovacuum', 'track_counts')
    UNION ALL
    SELECT 'track_counts', h.holder, d.datname::text, o.setrole <> 0,
           -- As the server parses a Boolean: in any case, and with any unambiguous prefix.
           o.value ~* '^(of|off|f|fa|fal|fals|false|n|no|0)$', true,
           pg_catalog.concat('track_counts is off for ', h.holder, ': autovacuum does not see what its sessions change'),
           CASE WHEN o.setrole = 0 AND o.setdatabase <> 0 THEN pg_catalog.format('ALTER DATABASE %I RESET track_counts', d.datname)
                ELSE pg_catalog.concat('ALTER ROLE ', CASE WHEN o.setrole = 0 THEN 'ALL' ELSE pg_catalog.quote_ident(u.rolname::text) END,
                                       CASE WHEN o.setdatabase <> 0 THEN ' IN DATABASE ' || pg_catalog.quote_ident(d.datname::text) END, ' RESET track_counts') END
    FROM own o
    LEFT JOIN pg_catalog.pg_database d ON d.oid = o.setdatabase
    LEFT JOIN pg_catalog.pg_roles u ON u.oid = o.setrole
    CROSS JOIN LATERAL (
        SELECT CASE WHEN o.setrole <> 0 THEN 'role ' || coalesce(u.rolname::text, o.setrole::int8::text) || CASE WHEN o.setdatabase <> 0 THEN ' in database ' || coalesce(d.datname::text, o.setdatabase::int8::text) ELSE '' END
                    WHEN o.setdatabase <> 0 THEN 'database ' || coalesce(d.datname::text, o.setdatabase::int8::text)
                    ELSE 'all roles' END AS holder) AS h
)
SELECT f.setting, f.holder, f.database, f.is_known, f.is_role, f.what, f.remedy
FROM found f
-- If this session's own value is bad, the database or role that sets it is listed.
WHERE f.is_off = f.is_known
ORDER BY f.setting COLLATE "C", f.holder COLLATE "C"
