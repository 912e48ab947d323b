-- Settings of the server, a database or a role that hide damage or bypass foreign keys.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "server"
-- key     = ["setting", "holder"]
-- columns = ["setting text", "value text", "holder text", "applies_to text", "database text", "can_apply bool", "is_known bool", "is_bypass bool", "reset text"]
-- [[check]]
-- name     = "damage-hiding-settings"
-- only     = "not is_bypass"
-- object   = "{holder}: {setting}"
-- database = "database"
-- critical = "is_known"
-- unseen   = "not is_known"
-- unseen_because = "a setting of this session hides the server's own value of {setting}"
-- finding  = "{setting} is on for {applies_to}"
-- remedy   = "{reset}"
-- why      = "Damaged pages or indexes are silently skipped, or catalogs can be changed by hand: the loss is noticed only when the backups no longer contain the data. These settings are only for rescuing data."
-- source   = "the manual, chapter on developer options"
-- ignore   = "While data is being rescued from a damaged cluster."
-- proof    = "pgkit settings --grep {setting}"
-- [[check]]
-- name     = "foreign-keys-bypassed"
-- only     = "is_bypass"
-- object   = "{holder}"
-- database = "database"
-- critical = "is_known and can_apply"
-- warning  = "is_known"
-- unseen   = "not is_known"
-- unseen_because = "a setting of this session hides the server's own value of {setting}"
-- finding  = "{setting} is {value} for {applies_to}: foreign keys are not checked and triggers do not fire in these sessions"
-- remedy   = "{reset}; then validate the foreign keys that were bypassed"
-- why      = "With session_replication_role set to replica, the triggers that check foreign keys do not fire. Rows without a parent get in, and nobody notices until a restore fails."
-- source   = "the manual, session_replication_role; foreign keys are checked with local, as with origin (tried)"
-- ignore   = "The role of a replication tool that only applies changes that were checked elsewhere."
-- proof    = "pgkit settings --grep session_replication_role"
WITH wanted (name, is_bypass) AS (
    VALUES ('zero_damaged_pages', false), ('ignore_checksum_failure', false), ('ignore_system_indexes', false), ('allow_system_table_mods', false),
           ('session_replication_role', true)
), own AS (
    SELECT r.setdatabase, r.setrole, w.name, w.is_bypass, pg_catalog.substr(c.item, pg_catalog.strpos(c.item, '=') + 1) AS value
    FROM pg_catalog.pg_db_role_setting r
    CROSS JOIN LATERAL pg_catalog.unnest(r.setconfig) AS c (item)
    JOIN wanted w ON w.name = pg_catalog.lower(pg_catalog.split_part(c.item, '=', 1))
), found AS (
    -- A value that this session gets from its role or database says nothing about the server's own value.
    SELECT s.name, w.is_bypass, s.setting AS value, 'server' AS holder, 'the whole server' AS applies_to, NULL::text AS database, true AS can_apply,
           s.source IN ('default', 'override', 'configuration file', 'command line', 'environment variable') AS is_known,
           pg_catalog.format('ALTER SYSTEM SET %I = %s; SELECT pg_reload_conf()', s.name, CASE WHEN w.is_bypass THEN 'origin' ELSE 'off' END) AS reset
    FROM pg_catalog.pg_settings s
    JOIN wanted w ON w.name = s.name
    UNION ALL
    SELECT o.name, o.is_bypass, o.value,
           CASE WHEN o.setrole <> 0 THEN 'role ' || coalesce(u.rolname::text, o.setrole::int8::text) || CASE WHEN o.setdatabase <> 0 THEN ' in database ' || coalesce(d.datname::text, o.setdatabase::int8::text) ELSE '' END
                WHEN o.setdatabase <> 0 THEN 'database ' || coalesce(d.datname::text, o.setdatabase::int8::text)
                ELSE 'all roles' END,
           CASE WHEN o.setrole <> 0 THEN 'role ' || coalesce(u.rolname::text, o.setrole::int8::text) || CASE WHEN o.setdatabase <> 0 THEN ' in database ' || coalesce(d.datname::text, o.setdatabase::int8::text) ELSE '' END
                WHEN o.setdatabase <> 0 THEN 'all sessions in database ' || coalesce(d.datname::text, o.setdatabase::int8::text)
                ELSE 'all roles' END,
           d.datname::text,
           o.setrole = 0 OR u.rolcanlogin,
           true,
           CASE WHEN o.setrole = 0 AND o.setdatabase <> 0 THEN pg_catalog.format('ALTER DATABASE %I RESET %I', d.datname, o.name)
                ELSE pg_catalog.concat('ALTER ROLE ', CASE WHEN o.setrole = 0 THEN 'ALL' ELSE pg_catalog.quote_ident(u.rolname::text) END,
                                       CASE WHEN o.setdatabase <> 0 THEN ' IN DATABASE ' || pg_catalog.quote_ident(d.datname::text) END, ' RESET ', o.name) END
    FROM own o
    LEFT JOIN pg_catalog.pg_database d ON d.oid = o.setdatabase
    LEFT JOIN pg_catalog.pg_roles u ON u.oid = o.setrole
)
SELECT f.name AS setting, f.value, f.holder, f.applies_to, f.database, f.can_apply, f.is_known, f.is_bypass, f.reset
FROM found f
CROSS JOIN LATERAL (
    -- As the server parses a Boolean: in any case, and with any unambiguous prefix.
    SELECT CASE WHEN f.is_bypass THEN pg_catalog.lower(f.value) = 'replica' ELSE f.value ~* '^(on|t|tr|tru|true|y|ye|yes|1)$' END AS is_bad
) AS b
-- If this session's own value is bad, the database or role that sets it is listed.
WHERE b.is_bad = f.is_known
ORDER BY f.name COLLATE "C", f.holder COLLATE "C"
