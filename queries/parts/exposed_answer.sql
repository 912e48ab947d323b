), supers AS (
    SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolsuper
), namespaces AS (
    SELECT n.oid, n.nspname, n.nspowner, coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner)) AS acl
    FROM pg_catalog.pg_namespace n
    WHERE $2 OR (n.nspname <> 'information_schema' AND n.nspname !~ '^pg_')
), of_extensions AS (
    SELECT d.classid, d.objid
    FROM pg_catalog.pg_depend d
    WHERE d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND NOT $2
), functions AS (
    SELECT f.oid, n.nspname, n.nspowner, f.proname, f.proowner, f.prosecdef, f.proconfig, f.prorettype, f.prolang,
           pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(f.proname) || '(' || pg_catalog.pg_get_function_identity_arguments(f.oid) || ')' AS signature,
           f.proname::text || '(' || pg_catalog.pg_get_function_identity_arguments(f.oid) || ')' AS title,
           CASE WHEN f.prokind = 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END AS word,  -- pg11..
           'FUNCTION'::text AS word,  -- pg..10
           EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(f.proacl, pg_catalog.acldefault('f', f.proowner))) AS a
                   WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE') AS is_public
    FROM pg_catalog.pg_proc f
    JOIN namespaces n ON n.oid = f.pronamespace
    WHERE NOT EXISTS (SELECT FROM of_extensions e WHERE e.classid = 'pg_catalog.pg_proc'::regclass AND e.objid = f.oid)
), tables AS (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relowner, c.relrowsecurity, c.relforcerowsecurity, c.reloptions,
           pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS full_name
    FROM pg_catalog.pg_class c
    JOIN namespaces n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm')
), found (place, reason, schema, name, owner, detail, remedy) AS (
    SELECT h.place, h.reason, NULL::text, h.name, NULL::oid, h.detail, h.remedy FROM hba h
    UNION ALL
    SELECT 3, 'no encryption', NULL, 'ssl', NULL, 'connections from other machines are not encrypted: ssl is off, and listen_addresses is ' || l.setting,
           'ALTER SYSTEM SET ssl = on'
    FROM pg_catalog.pg_settings s
    JOIN pg_catalog.pg_settings l ON l.name = 'listen_addresses'
    JOIN (
-- include listens_to_others
    ) AS o ON o.is_reachable
    WHERE s.name = 'ssl' AND s.setting = 'off'
    UNION ALL
    SELECT 4, 'password encryption', NULL, s.name, NULL, 'new passwords are stored as md5, which can be replayed by whoever reads them',
           'ALTER SYSTEM SET password_encryption = ''scram-sha-256'''
    FROM pg_catalog.pg_settings s
    WHERE s.name = 'password_encryption' AND s.setting IN ('md5', 'on', 'off')
    UNION ALL
    -- Trigger functions are not called by hand, and run with the table's owner in mind.
    SELECT 5, 'security definer', f.nspname::text, f.title, f.proowner,
           'runs as its owner with the search_path of the caller, who can put objects before the ones it means'
           || CASE WHEN f.is_public THEN '; PUBLIC may execute it' ELSE '' END,
           'ALTER ' || f.word || ' ' || f.signature || ' SET search_path = pg_catalog, ' || pg_catalog.quote_ident(f.nspname) || ', pg_temp'
    FROM functions f
    WHERE f.prosecdef AND f.prorettype NOT IN ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype)
      AND NOT EXISTS (SELECT FROM pg_catalog.unnest(f.proconfig) AS s (setting) WHERE s.setting LIKE 'search_path=%')
    UNION ALL
    -- Who owns a schema may drop what is in it, and create another of that name.
    SELECT 6, 'replaceable function', f.nspname::text, f.title, f.proowner,
           'a superuser owns it, but ' || pg_catalog.pg_get_userbyid(f.nspowner)::text || ' owns the schema, and may replace it',
           'ALTER SCHEMA ' || pg_catalog.quote_ident(f.nspname) || ' OWNER TO ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(f.proowner))
    FROM functions f
    WHERE f.proowner IN (SELECT s.oid FROM supers s) AND f.nspowner NOT IN (SELECT s.oid FROM supers s)
      -- The owner of the database owns public, as the server creates it from 15 on.
      AND pg_catalog.pg_get_userbyid(f.nspowner) <> 'pg_database_owner'
    UNION ALL
    SELECT 7, 'event trigger', NULL, e.evtname::text, e.evtowner,
           'runs a function of ' || pg_catalog.pg_get_userbyid(f.proowner)::text || ', who is no superuser, in the sessions of superusers',
           'ALTER FUNCTION ' || e.evtfoid::pg_catalog.regprocedure::text || ' OWNER TO ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(e.evtowner))
    FROM pg_catalog.pg_event_trigger e
    JOIN pg_catalog.pg_proc f ON f.oid = e.evtfoid
    WHERE e.evtenabled <> 'D' AND f.proowner NOT IN (SELECT s.oid FROM supers s)
    UNION ALL
    SELECT 8, 'public schema', n.nspname::text, NULL, n.nspowner, 'PUBLIC may create objects in it, which others'' statements may find first',
           'REVOKE CREATE ON SCHEMA ' || pg_catalog.quote_ident(n.nspname) || ' FROM PUBLIC'
    FROM namespaces n
    WHERE EXISTS (SELECT FROM pg_catalog.aclexplode(n.acl) AS a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE')
    UNION ALL
    SELECT 9, 'row security off', t.nspname::text, t.relname::text, t.relowner, 'it has policies, but row security is not enabled: they have no effect',
           'ALTER TABLE ' || t.full_name || ' ENABLE ROW LEVEL SECURITY'
    FROM tables t
    WHERE NOT t.relrowsecurity AND EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = t.oid)
    UNION ALL
    -- A superuser bypasses row security whatever is said.
    SELECT 10, 'row security of owner', t.nspname::text, t.relname::text, t.relowner, 'its policies do not apply to its owner, who may log in',
           'ALTER TABLE ' || t.full_name || ' FORCE ROW LEVEL SECURITY'
    FROM tables t
    JOIN pg_catalog.pg_roles r ON r.oid = t.relowner AND r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolbypassrls
    WHERE t.relrowsecurity AND NOT t.relforcerowsecurity
    UNION ALL
    SELECT DISTINCT 11, 'view bypasses row security', v.nspname::text, v.relname::text, v.relowner,
           'it reads ' || t.full_name || ' as its owner, to whom the policies of that table do not apply',
           CASE WHEN v.relkind = 'v' THEN 'ALTER VIEW ' || v.full_name || ' SET (security_invoker = true)' END  -- pg15..
           NULL::text  -- pg..14
    FROM tables v
    JOIN pg_catalog.pg_rewrite w ON w.ev_class = v.oid
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
    JOIN tables t ON t.oid = d.refobjid AND t.relrowsecurity
    JOIN pg_catalog.pg_roles r ON r.oid = v.relowner
    WHERE v.relkind IN ('v', 'm')
      AND (r.rolsuper OR r.rolbypassrls OR (pg_catalog.pg_has_role(v.relowner, t.relowner, 'USAGE') AND NOT t.relforcerowsecurity))
      AND NOT EXISTS (SELECT FROM pg_catalog.unnest(v.reloptions) AS o (option) WHERE o.option LIKE 'security_invoker=%' AND pg_catalog.split_part(o.option, '=', 2)::bool)
    UNION ALL
    SELECT 12, 'untrusted language', f.nspname::text, f.title, f.proowner,
           'is in ' || l.lanname::text || ', which may do on the host what the server may' || CASE WHEN f.is_public THEN '; PUBLIC may execute it' ELSE '' END,
           CASE WHEN f.is_public THEN 'REVOKE EXECUTE ON ' || f.word || ' ' || f.signature || ' FROM PUBLIC' END
    FROM functions f
    JOIN pg_catalog.pg_language l ON l.oid = f.prolang
    WHERE NOT l.lanpltrusted AND l.lanname <> 'internal'
    UNION ALL
    SELECT 13, 'server access', NULL, r.rolname::text, NULL, 'is a member of ' || pg_catalog.quote_ident(g.rolname) || ', and so as good as a superuser',
           CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid AND m.roleid = g.oid)
                THEN 'REVOKE ' || pg_catalog.quote_ident(g.rolname) || ' FROM ' || pg_catalog.quote_ident(r.rolname) END
    FROM pg_catalog.pg_roles g
    -- Through other roles too.
    JOIN pg_catalog.pg_roles r ON r.oid <> g.oid AND NOT r.rolsuper AND r.rolname !~ '^pg_' AND pg_catalog.pg_has_role(r.oid, g.oid, 'MEMBER')
    WHERE g.rolname IN ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files')
    UNION ALL  -- pg11..
    SELECT 14, 'extension behind', n.nspname::text, e.extname::text, e.extowner, 'version ' || e.extversion || ' is installed, ' || a.default_version || ' is available',  -- pg11..
           'ALTER EXTENSION ' || pg_catalog.quote_ident(e.extname) || ' UPDATE'  -- pg11..
    FROM pg_catalog.pg_extension e  -- pg11..
    JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace  -- pg11..
    JOIN pg_catalog.pg_available_extensions a ON a.name = e.extname  -- pg11..
    WHERE CASE WHEN e.extversion ~ '^[0-9]+([.][0-9]+)*$' AND a.default_version ~ '^[0-9]+([.][0-9]+)*$'  -- pg11..
               THEN (SELECT pg_catalog.string_agg(pg_catalog.lpad(p.part, 10, '0'), '.' ORDER BY p.n) FROM pg_catalog.unnest(pg_catalog.string_to_array(e.extversion, '.')) WITH ORDINALITY AS p (part, n)) COLLATE "C"  -- pg11..
                    < (SELECT pg_catalog.string_agg(pg_catalog.lpad(p.part, 10, '0'), '.' ORDER BY p.n) FROM pg_catalog.unnest(pg_catalog.string_to_array(a.default_version, '.')) WITH ORDINALITY AS p (part, n))  -- pg11..
               ELSE e.extversion <> a.default_version END  -- pg11..
)
SELECT f.reason, f.schema, f.name, pg_catalog.pg_get_userbyid(f.owner)::text AS owner, f.detail, f.remedy
FROM found f
WHERE $1 IS NULL OR f.reason = ANY ($1)
ORDER BY f.place, f.schema COLLATE "C", f.name COLLATE "C", f.detail COLLATE "C"
