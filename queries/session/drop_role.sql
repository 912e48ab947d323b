-- Returns to the role that connected, where the database's owner has set another one (ALTER DATABASE x SET role).
-- A role that is set for the connecting role itself, or by the client, stays. $1 whether this is for one transaction only.
-- pg_settings does not show this setting.
SELECT pg_catalog.set_config('role', 'none', $1)
FROM (SELECT s.setrole, c.item
      FROM pg_catalog.pg_db_role_setting s
      CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (item)
      LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
      LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
      WHERE pg_catalog.left(c.item, 5) = 'role='
        AND (d.datname = pg_catalog.current_database() OR s.setdatabase = 0)
        AND CASE s.setrole WHEN 0 THEN s.setdatabase <> 0 ELSE r.rolname = SESSION_USER END) AS said
HAVING pg_catalog.bool_and(said.setrole = 0 AND said.item = 'role=' || CURRENT_USER::text)
