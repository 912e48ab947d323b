), memberships AS (
    -- From 16 on a role may be granted several times, by several grantors.
    SELECT m.member, m.roleid, pg_catalog.bool_or(m.admin_option) AS admin,
           pg_catalog.bool_or(m.inherit_option) AS inherits, pg_catalog.bool_or(m.set_option) AS sets  -- pg16..
           true AS inherits, true AS sets  -- pg..15
    FROM pg_catalog.pg_auth_members m
    GROUP BY m.member, m.roleid
), belongs AS (
    SELECT m.member,
           pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname)
               || coalesce(' (' || nullif(pg_catalog.concat_ws(', ', CASE WHEN m.admin THEN 'admin' END,
                                                               CASE WHEN NOT m.inherits THEN 'no inherit' END,
                                                               CASE WHEN NOT m.sets THEN 'no set' END), '') || ')', ''),
               ', ' ORDER BY r.rolname::text COLLATE "C") AS roles
    FROM memberships m
    JOIN pg_catalog.pg_roles r ON r.oid = m.roleid
    GROUP BY m.member
), sessions AS (
    SELECT a.usesysid, pg_catalog.count(*) AS sessions
    FROM pg_catalog.pg_stat_activity a
    WHERE a.usesysid IS NOT NULL AND a.pid <> pg_catalog.pg_backend_pid()
    GROUP BY a.usesysid
)
SELECT r.rolname::text AS role,
       r.rolsuper AS superuser,
       r.rolcanlogin AS login,
       nullif(pg_catalog.concat_ws(', ', CASE WHEN r.rolcreaterole THEN 'create role' END, CASE WHEN r.rolcreatedb THEN 'create database' END,
                                   CASE WHEN r.rolreplication THEN 'replication' END, CASE WHEN r.rolbypassrls THEN 'bypass row security' END,
                                   CASE WHEN NOT r.rolinherit THEN 'no inherit' END), '') AS attributes,
       b.roles AS member_of,
       -- -1 is no limit.
       nullif(r.rolconnlimit, -1) AS connection_limit,
       coalesce(s.sessions, 0) AS sessions,
       r.rolvaliduntil AS valid_until,
       p.password
FROM pg_catalog.pg_roles r
LEFT JOIN passwords p ON p.oid = r.oid
LEFT JOIN belongs b ON b.member = r.oid
LEFT JOIN sessions s ON s.usesysid = r.oid
WHERE CASE WHEN $2 IS NULL THEN $3 OR r.rolname !~ '^pg_'
           ELSE EXISTS (SELECT FROM pg_catalog.unnest($2) AS x (regex) WHERE r.rolname ~ (x.regex COLLATE "default")) END
  -- A pattern with a dot cannot name a role.
  AND ($1 IS NULL OR EXISTS (SELECT FROM pg_catalog.unnest($1) AS x (regex) WHERE x.regex IS NULL))
ORDER BY r.rolsuper DESC, r.rolname::text COLLATE "C"
