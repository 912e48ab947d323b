-- Search paths of roles and of this database with a schema in which every role may create objects.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- key     = ["whose", "schema"]
-- columns = ["whose text", "schema text", "value text", "remedy text"]
-- [[check]]
-- name     = "settings-per-role-odd"
-- object   = "{whose}.search_path"
-- warning  = "schema is not null"
-- finding  = "the search_path of {whose} ({value}) contains the schema {schema}, in which every role may create objects"
-- remedy   = "{remedy}"
-- proof    = "pgkit settings --grep search_path"
-- why      = "Such a setting overrides the configuration file in every new session, and nobody looks for it there. Anyone who can create a function, an operator or a table in a schema of the search_path can have others use it with their privileges."
-- source   = "pg_db_role_setting, pg_namespace.nspacl"
-- ignore   = "A database whose roles all trust each other."
WITH items AS (
    SELECT u.rolname::text AS role, s.setdatabase, s.setrole, pg_catalog.substr(c.item, 13) AS value
    FROM pg_catalog.pg_db_role_setting s
    CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (item)
    LEFT JOIN pg_catalog.pg_roles u ON u.oid = s.setrole
    WHERE c.item LIKE 'search\_path=%' AND (s.setrole = 0 OR u.oid IS NOT NULL)
      AND s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))
), schemas AS (
    SELECT i.*, coalesce(pg_catalog.replace(m.found[1], '""', '"'), pg_catalog.lower(m.found[2])) AS schema
    FROM items i
    CROSS JOIN LATERAL pg_catalog.regexp_matches(i.value, '"((?:[^"]|"")*)"|([^",\s]+)', 'g') AS m (found)
)
SELECT x.whose, n.nspname::text AS schema, s.value, 'REVOKE CREATE ON SCHEMA ' || pg_catalog.quote_ident(n.nspname) || ' FROM PUBLIC' AS remedy
FROM schemas s
JOIN pg_catalog.pg_namespace n ON n.nspname = s.schema::name
CROSS JOIN LATERAL (
    SELECT CASE WHEN s.setrole = 0 AND s.setdatabase = 0 THEN 'all roles'
                ELSE pg_catalog.concat_ws(' in ', CASE WHEN s.setrole <> 0 THEN 'role ' || s.role END, CASE WHEN s.setdatabase <> 0 THEN 'database ' || pg_catalog.current_database()::text END) END AS whose
) AS x
WHERE EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) AS a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE')
  AND n.nspname <> 'public'  -- pg..14
GROUP BY x.whose, n.nspname, s.value
ORDER BY x.whose COLLATE "C", n.nspname, s.value COLLATE "C"
