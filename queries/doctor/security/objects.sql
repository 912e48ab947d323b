-- Schemas, functions, tables and views that let others do more than their owner may have intended.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- key     = ["reason", "object"]
-- columns = ["reason text", "schema text", "name text", "object text", "detail text", "remedy text", "mild bool"]
-- [[check]]
-- name     = "public-may-create"
-- object   = "{object}"
-- only     = "reason = 'create'"
-- warning  = "not mild"
-- note     = "mild"
-- finding  = "every role may create objects in the schema {schema}{detail}"
-- remedy   = "{remedy}"
-- proof    = "pgkit exposed --reason 'public schema'"
-- why      = "A role that creates a function or a table with the right name there can have others use it with their privileges (CVE-2018-1058)."
-- source   = "pg_namespace.nspacl; the default of the schema public until 14, which pg_upgrade keeps"
-- ignore   = "A database whose roles all trust each other."
-- [[check]]
-- name     = "definer-function-open"
-- object   = "{object}"
-- only     = "reason = 'definer'"
-- warning  = "not mild"
-- note     = "mild"
-- finding  = "{object} runs as its owner {detail}"
-- remedy   = "{remedy}"
-- proof    = "pgkit exposed --reason 'security definer'"
-- why      = "The caller can create a function, an operator or a table that is found before the intended one, and it is then run or read with the owner's privileges."
-- source   = "PostgreSQL's manual, CREATE FUNCTION, Writing SECURITY DEFINER Functions Safely; splinter flags all functions without search_path"
-- ignore   = "A function whose body qualifies every name, including operators."
-- [[check]]
-- name     = "rls-without-effect"
-- object   = "{object}"
-- only     = "reason in ('policies off', 'no policy', 'owner')"
-- critical = "reason = 'policies off'"
-- warning  = "reason = 'no policy'"
-- note     = "reason = 'owner'"
-- finding  = "{object} {detail}"
-- remedy   = "{remedy}"
-- why      = "Policies restrict nobody until row security is enabled for the table. Without a policy, no role except the owner can see or write rows."
-- source   = "PostgreSQL's manual, Row Security Policies; pg_policy, pg_class.relrowsecurity"
-- ignore   = "A table without policies that is meant only for its owner; an owner that no application logs in as."
-- [[check]]
-- name     = "view-bypasses-rls"
-- object   = "{object}"
-- only     = "reason = 'view'"
-- warning  = "reason = 'view'"
-- finding  = "the view {object} reads {detail} as its owner, to whom the policies of the table do not apply"
-- remedy   = "{remedy}"
-- proof    = "pgkit exposed --reason 'view bypasses row security'"
-- why      = "A role that may read the view sees all rows, regardless of the policies."
-- source   = "PostgreSQL's manual, CREATE VIEW; security_invoker from 15 on"
-- ignore   = "A view that is meant to show all rows."
WITH of_extensions (classid, objid) AS (
    SELECT d.classid, d.objid
    FROM pg_catalog.pg_depend d
    WHERE d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::regclass
), namespaces AS (
    SELECT n.oid, n.nspname, n.nspowner, coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner)) AS acl
    FROM pg_catalog.pg_namespace n
    WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
), secured AS (
    SELECT c.oid, c.relname, c.relowner, c.relrowsecurity, c.relforcerowsecurity, n.nspname, c.relispartition,
           pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS full_name,
           c.oid IN (SELECT p.polrelid FROM pg_catalog.pg_policy p) AS has_policy
    FROM pg_catalog.pg_class c
    JOIN namespaces n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND (c.relrowsecurity OR c.oid IN (SELECT p.polrelid FROM pg_catalog.pg_policy p))
      AND NOT EXISTS (SELECT FROM of_extensions e WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid)
), open_schemas AS (
    SELECT n.nspname
    FROM namespaces n
    WHERE EXISTS (SELECT FROM pg_catalog.aclexplode(n.acl) AS a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE')
), owners AS (
    -- If one role owns all objects, no other role has objects that could use the wrong one.
    SELECT pg_catalog.count(DISTINCT x.owner) AS owners
    FROM (SELECT c.relowner AS owner FROM pg_catalog.pg_class c JOIN namespaces n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND EXISTS (SELECT FROM open_schemas)
          UNION
          SELECT f.proowner FROM pg_catalog.pg_proc f JOIN namespaces n ON n.oid = f.pronamespace WHERE f.oid >= 16384 AND EXISTS (SELECT FROM open_schemas)) AS x
), found (place, reason, schema, name, object, detail, remedy, mild) AS (
    SELECT 4, 'create', o.nspname::text, NULL::text, o.nspname::text,
           CASE WHEN w.owners <= 1 THEN ', although all objects in this database belong to one role' ELSE '' END,
           'REVOKE CREATE ON SCHEMA ' || pg_catalog.quote_ident(o.nspname) || ' FROM PUBLIC', w.owners <= 1
    FROM open_schemas o
    CROSS JOIN owners w
    UNION ALL
    -- Names in standard SQL bodies were resolved when the function was created; C functions contain no names.
    SELECT CASE WHEN x.is_public AND NOT x.has_path THEN 3 ELSE 6 END, 'definer', n.nspname::text, f.proname::text, x.object,
           CASE WHEN x.is_open THEN 'with a search_path that has a schema in which every role may create objects'
                WHEN x.has_path THEN 'with a search_path that does not end with pg_temp, so it may find temporary tables of its caller'
                WHEN x.is_trigger THEN 'with the search_path of any role that makes it fire'
                WHEN x.is_public THEN 'with the search_path of its caller, and every role may call it'
                ELSE 'with the search_path of its caller' END,
           'ALTER ' || CASE WHEN f.prokind = 'p' THEN 'PROCEDURE ' ELSE 'FUNCTION ' END  -- pg11..
           'ALTER FUNCTION '  -- pg..10
           || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(f.proname) || '(' || pg_catalog.pg_get_function_identity_arguments(f.oid) || ') SET search_path = (the schemas that its body uses), pg_temp' || CASE WHEN x.is_open THEN ', without schemas in which every role may create objects' ELSE '' END, NOT x.is_public OR x.has_path AND NOT x.is_open
    FROM pg_catalog.pg_proc f
    JOIN namespaces n ON n.oid = f.pronamespace
    CROSS JOIN LATERAL (
        SELECT n.nspname::text || '.' || f.proname::text || '(' || pg_catalog.pg_get_function_identity_arguments(f.oid) || ')' AS object,
               f.prorettype IN ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype) AS is_trigger,
               EXISTS (SELECT FROM pg_catalog.unnest(f.proconfig) AS s (setting) WHERE s.setting ~* '^search_path=') AS has_path,
               EXISTS (SELECT
                       FROM pg_catalog.unnest(f.proconfig) AS s (setting)
                       CROSS JOIN LATERAL pg_catalog.regexp_split_to_table(pg_catalog.substr(s.setting, 13), '\s*,\s*') AS p (name)
                       JOIN open_schemas o ON o.nspname = CASE WHEN p.name LIKE '"%"' THEN pg_catalog.replace(pg_catalog.substr(p.name, 2, pg_catalog.length(p.name) - 2), '""', '"') ELSE p.name END
                       WHERE s.setting ~* '^search_path=') AS is_open,
               CASE f.prorettype
                   -- A role that may write to the table makes its triggers fire.
                   WHEN 'pg_catalog.trigger'::regtype THEN EXISTS (
                       SELECT
                       FROM pg_catalog.pg_trigger t
                       JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
                       CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS a
                       WHERE t.tgfoid = f.oid AND NOT t.tgisinternal AND a.grantee <> c.relowner AND a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'))
                   WHEN 'pg_catalog.event_trigger'::regtype THEN EXISTS (SELECT FROM pg_catalog.pg_event_trigger e WHERE e.evtfoid = f.oid)
                   ELSE EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(f.proacl, pg_catalog.acldefault('f', f.proowner))) AS a WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE')
               END AS is_public
    ) AS x
    WHERE f.prosecdef AND (x.is_public OR NOT x.is_trigger)
      AND f.prolang NOT IN (SELECT l.oid FROM pg_catalog.pg_language l WHERE l.lanname IN ('c', 'internal'))
      AND f.prosqlbody IS NULL  -- pg14..
      -- Without any schema but pg_catalog, the body must qualify all names.
      AND (x.is_open OR NOT EXISTS (SELECT FROM pg_catalog.unnest(f.proconfig) AS s (setting) WHERE s.setting ~* '^search_path=( *(""|"?pg_catalog"?)? *$|.*pg_temp"? *$)'))
      AND NOT EXISTS (SELECT FROM of_extensions e WHERE e.classid = 'pg_catalog.pg_proc'::regclass AND e.objid = f.oid)
    UNION ALL
    SELECT 1, 'policies off', t.nspname::text, t.relname::text, t.nspname::text || '.' || t.relname::text, 'has policies, but row security is not enabled, so they have no effect',
           'ALTER TABLE ' || t.full_name || ' ENABLE ROW LEVEL SECURITY', false
    FROM secured t
    WHERE NOT t.relrowsecurity
    UNION ALL
    -- Reads through the partitioned table are subject to the policies of the partitioned table.
    SELECT 2, 'no policy', t.nspname::text, t.relname::text, t.nspname::text || '.' || t.relname::text, 'has row security enabled but no policy, so ' || CASE WHEN t.relforcerowsecurity THEN 'no role but superusers and those with BYPASSRLS' ELSE 'only its owner' END || ' sees rows',
           'CREATE POLICY ... ON ' || t.full_name || ', or ALTER TABLE ' || t.full_name || ' DISABLE ROW LEVEL SECURITY', false
    FROM secured t
    WHERE t.relrowsecurity AND NOT t.has_policy AND NOT t.relispartition
    UNION ALL
    -- A superuser always bypasses row security.
    SELECT 7, 'owner', t.nspname::text, t.relname::text, t.nspname::text || '.' || t.relname::text,
           'has policies that do not apply to its owner ' || r.rolname::text || ', who may log in', 'ALTER TABLE ' || t.full_name || ' FORCE ROW LEVEL SECURITY', true
    FROM secured t
    JOIN pg_catalog.pg_roles r ON r.oid = t.relowner AND r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolbypassrls
    WHERE t.relrowsecurity AND t.has_policy AND NOT t.relforcerowsecurity
    UNION ALL
    SELECT 5, 'view', v.nspname::text, v.relname::text, v.nspname::text || '.' || v.relname::text, pg_catalog.string_agg(v.reads, ', ' ORDER BY v.reads COLLATE "C"),
           CASE WHEN v.relkind = 'm' THEN 'REVOKE SELECT ON ' || v.full_name || ' FROM the roles that may not see all rows'
                ELSE 'ALTER VIEW ' || v.full_name || ' SET (security_invoker = true)' END, false  -- pg15..
                ELSE 'ALTER VIEW ' || v.full_name || ' OWNER TO a role to which the policies apply' END, false  -- pg..14
    FROM (SELECT DISTINCT n.nspname, c.relname, c.relkind, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS full_name, t.nspname::text || '.' || t.relname::text AS reads
          FROM secured t
          JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = t.oid AND d.classid = 'pg_catalog.pg_rewrite'::regclass
          JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid
          JOIN pg_catalog.pg_class c ON c.oid = w.ev_class AND c.relkind IN ('v', 'm')
          JOIN namespaces n ON n.oid = c.relnamespace
          JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
          WHERE t.relrowsecurity
            AND (r.rolsuper OR r.rolbypassrls OR (pg_catalog.pg_has_role(c.relowner, t.relowner, 'USAGE') AND NOT t.relforcerowsecurity))
            AND NOT EXISTS (SELECT FROM pg_catalog.unnest(c.reloptions) AS o (option) WHERE o.option LIKE 'security_invoker=%' AND pg_catalog.split_part(o.option, '=', 2)::bool)) AS v
    GROUP BY v.nspname, v.relname, v.relkind, v.full_name
)
SELECT f.reason, f.schema, f.name, f.object, f.detail, f.remedy, f.mild
FROM found f
ORDER BY f.place, f.mild, f.object COLLATE "C"
