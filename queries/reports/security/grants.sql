-- Who may do what: the privileges on every kind of object.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- retry   = ["XX000"]
-- source  = "aclexplode and acldefault of each catalog's ACL; aclmask of PostgreSQL's aclchk.c"
-- example = "pgkit grants --on 'crash*'"
-- reading = "Each row is a grant from one role to another, or a default if nothing was granted. --role R shows what R may do, --on NAME who may do something with it, and via how they come to it."
-- notes   = "Where nothing was granted, the owner has every privilege, and PUBLIC has what the server gives it by default. via says how a role has a privilege: through a role of which it is a member, through PUBLIC, or as a superuser. A privilege that a role has only after SET ROLE is left out. To use a table, a role also needs USAGE on its schema. pgkit roles shows who is a member of which role."
-- key     = ["object", "kind", "grantee", "via", "grantor", "grantable"]
-- columns = ["object text", "kind text", "grantee text", "privileges text", "via text", "grantor text", "grantable bool", "owner text"]
-- wide    = ["owner", "grantor", "grantable"]
-- [[param]]
-- name    = "role"
-- type    = "text"
-- metavar = "ROLE"
-- help    = "Show all that this role may do, through PUBLIC and its memberships too"
-- [[param]]
-- name    = "on"
-- type    = "pattern[]"
-- metavar = "NAME"
-- help    = "Show all roles that may do something with these objects: name, schema.name, with * and ?"
-- [[param]]
-- name = "system"
-- type = "bool"
-- help = "Include the functions, tables and types of extensions and of the system's schemas, and the predefined roles"
WITH RECURSIVE patterns (schema_regex, name_regex) AS (
    SELECT p.schema_regex, p.name_regex
    FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) AS p (schema_regex, name_regex)
    -- So that an invalid regular expression is an error even if no schema matches.
    WHERE (''::text ~ p.name_regex) IS NOT NULL
), namespaces AS (
    SELECT n.oid, n.nspname::text AS name, n.nspowner, n.nspacl, n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AS of_users
    FROM pg_catalog.pg_namespace n
    WHERE n.nspname !~ '^pg_(toast|temp)'
), of_extensions AS (
    SELECT d.classid, d.objid
    FROM pg_catalog.pg_depend d
    WHERE d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND NOT $4
), objects (kind, type, class, oid, nspoid, name, part, owner, acl) AS (
    SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                WHEN 'S' THEN 'sequence' ELSE 'foreign table' END,
           CASE WHEN c.relkind = 'S' THEN 's' ELSE 'r' END::"char", 'pg_catalog.pg_class'::regclass::oid, c.oid, c.relnamespace, c.relname::text, NULL::text, c.relowner, c.relacl
    FROM pg_catalog.pg_class c
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    UNION ALL
    -- By default nobody has a privilege on a single column.
    SELECT 'column', 'c', 'pg_catalog.pg_class'::regclass::oid, c.oid, c.relnamespace, c.relname::text, a.attname::text, c.relowner, a.attacl
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
    UNION ALL
    SELECT CASE f.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,  -- pg11..
    SELECT CASE WHEN f.proisagg THEN 'aggregate' ELSE 'function' END,  -- pg..10
           'f', 'pg_catalog.pg_proc'::regclass::oid, f.oid, f.pronamespace, f.proname::text, NULL, f.proowner, f.proacl
    FROM pg_catalog.pg_proc f
    UNION ALL
    -- The type of a table's rows and that of an array have no privileges of their own.
    SELECT CASE WHEN y.typtype = 'd' THEN 'domain' ELSE 'type' END, 'T', 'pg_catalog.pg_type'::regclass::oid, y.oid, y.typnamespace, y.typname::text, NULL, y.typowner, y.typacl
    FROM pg_catalog.pg_type y
    LEFT JOIN pg_catalog.pg_class c ON c.oid = y.typrelid
    WHERE (y.typrelid = 0 OR c.relkind = 'c') AND y.typinput::oid <> 'pg_catalog.array_in'::regproc::oid
      AND y.typtype <> 'm'  -- pg14..
    UNION ALL
    SELECT 'schema', 'n', 'pg_catalog.pg_namespace'::regclass::oid, n.oid, n.oid, n.name, NULL, n.nspowner, n.nspacl
    FROM namespaces n
    UNION ALL
    SELECT 'database', 'd', 'pg_catalog.pg_database'::regclass::oid, d.oid, NULL, d.datname::text, NULL, d.datdba, d.datacl
    FROM pg_catalog.pg_database d
    UNION ALL
    SELECT 'tablespace', 't', 'pg_catalog.pg_tablespace'::regclass::oid, t.oid, NULL, t.spcname::text, NULL, t.spcowner, t.spcacl
    FROM pg_catalog.pg_tablespace t
    UNION ALL
    SELECT 'language', 'l', 'pg_catalog.pg_language'::regclass::oid, l.oid, NULL, l.lanname::text, NULL, l.lanowner, l.lanacl
    FROM pg_catalog.pg_language l
    UNION ALL
    SELECT 'foreign data wrapper', 'F', 'pg_catalog.pg_foreign_data_wrapper'::regclass::oid, w.oid, NULL, w.fdwname::text, NULL, w.fdwowner, w.fdwacl
    FROM pg_catalog.pg_foreign_data_wrapper w
    UNION ALL
    SELECT 'foreign server', 'S', 'pg_catalog.pg_foreign_server'::regclass::oid, v.oid, NULL, v.srvname::text, NULL, v.srvowner, v.srvacl
    FROM pg_catalog.pg_foreign_server v
    UNION ALL
    SELECT 'large object', 'L', 'pg_catalog.pg_largeobject'::regclass::oid, o.oid, NULL, o.oid::text, NULL, o.lomowner, o.lomacl
    FROM pg_catalog.pg_largeobject_metadata o
    UNION ALL  -- pg15..
    SELECT 'parameter', 'p', 'pg_catalog.pg_parameter_acl'::regclass::oid, p.oid, NULL, p.parname, NULL, 10::oid, p.paracl  -- pg15..
    FROM pg_catalog.pg_parameter_acl p  -- pg15..
), named AS (
    SELECT o.kind, o.type, o.oid, o.owner, coalesce(o.acl, pg_catalog.acldefault(o.type, o.owner)) AS acl, n.name AS schema, o.name,
           CASE WHEN o.type IN ('n', 'd', 't', 'l', 'F', 'S', 'L', 'p') THEN '' ELSE pg_catalog.quote_ident(n.name) || '.' END
           || CASE WHEN o.type IN ('L', 'p') THEN o.name ELSE pg_catalog.quote_ident(o.name) END
           || CASE WHEN o.type = 'f' THEN '(' || pg_catalog.pg_get_function_identity_arguments(o.oid) || ')' WHEN o.part IS NOT NULL THEN '.' || pg_catalog.quote_ident(o.part) ELSE '' END AS title
    FROM objects o
    LEFT JOIN namespaces n ON n.oid = o.nspoid
    WHERE (o.nspoid IS NULL OR n.oid IS NOT NULL)
      -- Languages and foreign data wrappers of extensions are few, and give access to much.
      AND (o.nspoid IS NULL OR NOT EXISTS (SELECT FROM of_extensions e WHERE e.classid = o.class AND e.objid = o.oid))
      AND CASE
            -- A pattern that names a schema searches that schema, even a system schema.
            WHEN $3 IS NOT NULL THEN EXISTS (
                SELECT FROM patterns x
                WHERE CASE WHEN x.schema_regex IS NULL THEN n.oid IS NULL OR n.of_users OR $4 ELSE o.type <> 'n' AND n.name ~ (x.schema_regex COLLATE "default") END
                  AND o.name ~ (x.name_regex COLLATE "default"))
            ELSE n.oid IS NULL OR n.of_users OR $4
          END
), entries (title, kind, owner, grantee, grantor, privilege, grantable) AS (
    -- An owner may always grant.
    SELECT o.title, o.kind, o.owner, a.grantee, a.grantor, a.privilege_type, a.is_grantable OR a.grantee = o.owner
    FROM named o
    CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
    UNION ALL
    -- What predefined roles may do with every object is in no ACL.
    SELECT o.title, o.kind, o.owner, r.oid, NULL, p.privilege, false
    FROM (VALUES ('pg_read_all_data', 'r'::"char", 'SELECT'), ('pg_read_all_data', 's', 'SELECT'), ('pg_read_all_data', 'n', 'USAGE'),
                 ('pg_write_all_data', 'r', 'INSERT'), ('pg_write_all_data', 'r', 'UPDATE'), ('pg_write_all_data', 'r', 'DELETE'),
                 ('pg_write_all_data', 's', 'UPDATE'), ('pg_write_all_data', 'n', 'USAGE'), ('pg_maintain', 'r', 'MAINTAIN')) AS p (role, type, privilege)
    JOIN pg_catalog.pg_roles r ON r.rolname = p.role::name
    JOIN named o ON o.type = p.type
    WHERE ($1 IS NOT NULL OR $3 IS NOT NULL)
      -- Only superusers may write to the system's catalogs (pg_class_aclmask in PostgreSQL's aclchk.c).
      AND NOT (p.role = 'pg_write_all_data' AND o.type = 'r' AND o.kind <> 'view' AND o.oid < 12000)
    UNION ALL
    SELECT CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END
           || ' that ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.defaclrole)) || ' creates' || coalesce(' in ' || pg_catalog.quote_ident(n.nspname), ''),
           'default privileges', d.defaclrole, a.grantee, a.grantor, a.privilege_type, a.is_grantable OR a.grantee = d.defaclrole
    FROM pg_catalog.pg_default_acl d
    LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
    CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS a
    WHERE $3 IS NULL
), reaches (member, role) AS (
    -- Whose privileges each role has without SET ROLE.
    SELECT r.oid, r.oid FROM pg_catalog.pg_roles r WHERE ($1 IS NULL OR r.rolname = $1::name) AND ($1 IS NOT NULL OR $3 IS NOT NULL)
    UNION
    SELECT x.member, m.roleid
    FROM reaches x
    JOIN (SELECT m.member, m.roleid FROM pg_catalog.pg_auth_members m
          JOIN pg_catalog.pg_roles i ON i.oid = m.member AND i.rolinherit  -- pg..15
          WHERE m.inherit_option  -- pg16..
          UNION ALL  -- pg14..
          SELECT d.datdba, r.oid FROM pg_catalog.pg_database d JOIN pg_catalog.pg_roles r ON r.rolname = 'pg_database_owner'  -- pg14..
          JOIN pg_catalog.pg_roles i ON i.oid = d.datdba AND i.rolinherit  -- pg14..15
          WHERE d.datname = pg_catalog.current_database()  -- pg14..
         ) AS m ON m.member = x.role
), answers (title, kind, owner, grantee, via, grantor, privilege, grantable) AS (
    SELECT e.title, e.kind, e.owner, CASE WHEN e.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(e.grantee)::text END, NULL::text, e.grantor, e.privilege, e.grantable
    FROM entries e
    WHERE $1 IS NULL AND ($3 IS NULL OR e.grantee = 0)
    UNION ALL
    SELECT e.title, e.kind, e.owner, m.rolname::text, CASE WHEN x.role <> x.member THEN r.rolname::text END, e.grantor, e.privilege, e.grantable
    FROM entries e
    JOIN reaches x ON x.role = e.grantee
    JOIN pg_catalog.pg_roles m ON m.oid = x.member
    JOIN pg_catalog.pg_roles r ON r.oid = x.role
    WHERE $1 IS NOT NULL OR $4 OR m.rolname !~ '^pg_'
    UNION ALL
    SELECT e.title, e.kind, e.owner, $1, 'PUBLIC', e.grantor, e.privilege, e.grantable
    FROM entries e
    WHERE $1 IS NOT NULL AND e.grantee = 0 AND EXISTS (SELECT FROM reaches x)
    UNION ALL
    -- A superuser may do everything, whatever the ACL says.
    SELECT o.title, o.kind, o.owner, s.rolname::text, 'superuser', NULL, a.privilege_type, true
    FROM named o
    CROSS JOIN LATERAL pg_catalog.aclexplode(pg_catalog.acldefault(o.type, o.owner)) AS a
    JOIN pg_catalog.pg_roles s ON s.rolsuper AND s.oid IN (SELECT x.member FROM reaches x)
    WHERE a.grantee = o.owner AND o.kind <> 'column'
)
SELECT a.title AS object, a.kind, a.grantee, pg_catalog.string_agg(DISTINCT a.privilege, ', ') AS privileges, a.via,
       pg_catalog.pg_get_userbyid(a.grantor)::text AS grantor, a.grantable, pg_catalog.pg_get_userbyid(a.owner)::text AS owner
FROM answers a
GROUP BY a.title, a.kind, a.grantee, a.via, a.grantor, a.grantable, a.owner
ORDER BY a.kind = 'default privileges', a.title COLLATE "C", a.kind COLLATE "C", a.grantee COLLATE "C", a.via COLLATE "C" NULLS FIRST, a.grantor NULLS LAST, a.grantable
