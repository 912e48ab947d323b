), people AS (
    SELECT r.oid, r.rolname, r.rolsuper, r.rolcanlogin, r.rolreplication, r.rolbypassrls, r.rolvaliduntil, r.rolconnlimit,
           r.rolname ~* '(repl|standby|backup|dump|barman|pgbackrest|wal|patroni|rewind)' AS is_tool
    FROM pg_catalog.pg_roles r
    WHERE r.rolname !~ '^pg_'
), remote AS (
    -- Without sessions of people who administer the server. A role that may not see the address of a session does not see its type either.
    SELECT a.usesysid, pg_catalog.count(*) FILTER (WHERE a.backend_type IS NULL) AS hidden,
           pg_catalog.count(*) FILTER (
               WHERE a.backend_type = 'client backend' AND a.client_addr IS NOT NULL
                 AND (a.usesysid <> 10 OR (NOT a.client_addr <<= '127.0.0.0/8'::inet AND a.client_addr <> '::1'::inet))
                 AND a.application_name !~* '^(psql|pgcli|pgkit|pgadmin|dbeaver|datagrip|pg_dump|pg_dumpall|pg_restore|pg_basebackup|vacuumdb|reindexdb|clusterdb|pg_amcheck|check_)') AS sessions,
           pg_catalog.string_agg(DISTINCT nullif(a.application_name, ''), ', ') AS applications
    FROM pg_catalog.pg_stat_activity a
    WHERE a.usesysid IS NOT NULL AND a.pid <> pg_catalog.pg_backend_pid()
    GROUP BY a.usesysid
), found (place, reason, role, left_s, valid_until, number, detail, remedy, state) AS (
    SELECT 1, 'expiry', p.rolname::text, extract(epoch FROM p.rolvaliduntil - pg_catalog.now())::float8, p.rolvaliduntil, NULL::int8,
           CASE WHEN p.rolvaliduntil <= pg_catalog.now() THEN 'has expired' ELSE 'expires soon' END || ' (' || p.rolvaliduntil::text || ')',
           'ALTER ROLE ' || pg_catalog.quote_ident(p.rolname) || ' VALID UNTIL ''infinity'', or a later date', ''
    FROM people p
    -- Without a password, the date has no effect.
    WHERE p.rolcanlogin AND p.rolconnlimit <> 0 AND (SELECT w.has_password FROM passwords w WHERE w.oid = p.oid) IS DISTINCT FROM false AND pg_catalog.isfinite(p.rolvaliduntil) AND p.rolvaliduntil > '2000-01-01'::timestamptz
      AND p.rolvaliduntil < pg_catalog.now() + '30 days'::interval
    UNION ALL
    SELECT 2, 'session', p.rolname::text, NULL, NULL, m.sessions,
           'an application runs as the superuser ' || p.rolname::text || ': ' || m.sessions::text || CASE WHEN m.sessions = 1 THEN ' session' ELSE ' sessions' END || ' over the network' || coalesce(' (' || m.applications || ')', ''),
           'give the application its own role', CASE WHEN m.sessions = 0 AND m.hidden > 0 THEN 'hidden' ELSE '' END
    FROM people p
    JOIN remote m ON m.usesysid = p.oid
    WHERE p.rolsuper AND (m.sessions > 0 OR m.hidden > 0)
    UNION ALL
    -- The superuser that initdb created always exists.
    SELECT 3, 'superusers', '', NULL, NULL, pg_catalog.count(*),
           pg_catalog.count(*)::text || ' roles that may log in are superusers, in addition to the one that initdb created: ' || pg_catalog.string_agg(p.rolname::text, ', ' ORDER BY p.rolname::text COLLATE "C"),
           'ALTER ROLE ... NOSUPERUSER; pg_monitor, pg_read_all_data and pg_maintain are enough for most work', ''
    FROM people p
    WHERE p.rolsuper AND p.rolcanlogin AND p.oid <> 10
    HAVING pg_catalog.count(*) > 1
    UNION ALL
    -- Membership through other roles counts too, whether it is inherited or needs SET ROLE.
    SELECT 4, CASE WHEN p.is_tool THEN 'files of a tool' ELSE 'files' END, p.rolname::text, NULL, NULL, NULL,
           'is a member of ' || pg_catalog.string_agg(g.rolname::text, ', ' ORDER BY g.rolname::text COLLATE "C") || ', and so it can read files of the host or act there as a superuser',
           coalesce(pg_catalog.string_agg('REVOKE ' || pg_catalog.quote_ident(g.rolname) || ' FROM ' || pg_catalog.quote_ident(p.rolname), '; ' ORDER BY g.rolname::text COLLATE "C")
               FILTER (WHERE EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.member = p.oid AND m.roleid = g.oid)),
                    'revoke the role through which it is a member; pgkit roles shows it'), ''
    FROM people p
    JOIN pg_catalog.pg_roles g ON g.rolname IN ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files')
     AND (pg_catalog.pg_has_role(p.oid, g.oid, 'USAGE') OR pg_catalog.pg_has_role(p.oid, g.oid, 'SET'))  -- pg16..
     AND pg_catalog.pg_has_role(p.oid, g.oid, 'MEMBER')  -- pg..15
    WHERE NOT p.rolsuper
    GROUP BY p.rolname, p.is_tool
    UNION ALL
    -- Attributes are not inherited, but come with SET ROLE.
    SELECT 4, CASE WHEN p.is_tool THEN 'files of a tool' ELSE 'files' END, p.rolname::text, NULL, NULL, NULL,
           'may become ' || pg_catalog.string_agg(g.rolname::text, ', ' ORDER BY g.rolname::text COLLATE "C") || ' with SET ROLE, and so '
           || CASE WHEN pg_catalog.bool_or(g.rolsuper) THEN 'a superuser' ELSE 'bypass row security' END,
           'revoke the role through which it is a member; pgkit roles shows it', ''
    FROM people p
    JOIN pg_catalog.pg_roles g ON (g.rolsuper OR g.rolbypassrls AND NOT p.rolbypassrls) AND g.oid <> p.oid
     AND pg_catalog.pg_has_role(p.oid, g.oid, 'SET')  -- pg16..
     AND pg_catalog.pg_has_role(p.oid, g.oid, 'MEMBER')  -- pg..15
    WHERE NOT p.rolsuper AND p.rolcanlogin
    GROUP BY p.rolname, p.is_tool
    UNION ALL
    SELECT 5, CASE WHEN p.is_tool THEN 'bypass of a tool' ELSE 'bypass' END, p.rolname::text, NULL, NULL, NULL,
           'may log in and bypasses row security', 'ALTER ROLE ' || pg_catalog.quote_ident(p.rolname) || ' NOBYPASSRLS', ''
    FROM people p
    WHERE p.rolbypassrls AND p.rolcanlogin AND NOT p.rolsuper
    UNION ALL
    SELECT 6, CASE WHEN p.is_tool OR EXISTS (SELECT FROM pg_catalog.pg_stat_get_wal_senders() AS w JOIN pg_catalog.pg_stat_activity a ON a.pid = w.pid WHERE a.usesysid = p.oid)
                   THEN 'replication of a tool' ELSE 'replication' END, p.rolname::text, NULL, NULL, NULL,
           'may log in and copy the whole cluster by replication', 'ALTER ROLE ' || pg_catalog.quote_ident(p.rolname) || ' NOREPLICATION', ''
    FROM people p
    WHERE p.rolreplication AND p.rolcanlogin AND NOT p.rolsuper
)
SELECT f.reason, f.role, f.left_s, f.valid_until, f.number, f.detail, f.remedy, f.state
FROM found f
ORDER BY f.place, f.left_s, f.role COLLATE "C"
