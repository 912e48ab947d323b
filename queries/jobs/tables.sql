-- The tables and indexes with these names ($1), in schema $2 (NULL: in every schema that has one named crontabber), and why
-- each must not be used. Whatever is attached to a table runs as the role that uses the table. So only these may own the table and
-- what is attached to it: the role that is connected, superusers, and the role that the jobs file names ($3).
WITH trusted AS (
    SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolsuper OR r.rolname = CURRENT_USER OR r.rolname = $3
), parts AS (
    SELECT c.oid, c.xmin, n.xmin AS namespace_xmin, c.relname, c.relkind, c.relowner, c.relacl, c.relispartition,
           c.relrowsecurity, n.nspname,
           -- pg_database_owner stands for whoever owns the database.
           CASE WHEN pg_catalog.pg_get_userbyid(n.nspowner) = 'pg_database_owner'
                THEN (SELECT d.datdba FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
                ELSE n.nspowner END AS nspowner
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = ANY ($1)
      AND CASE WHEN $2 IS NULL THEN EXISTS (SELECT FROM pg_catalog.pg_class one
                                            WHERE one.relnamespace = n.oid AND one.relname = 'crontabber')
               ELSE n.nspname = $2 END
), hangs (oid, what, classid, objid) AS (
    SELECT p.oid, 'trigger ' || pg_catalog.quote_ident(t.tgname), 'pg_catalog.pg_trigger'::regclass, t.oid
    FROM parts p
    JOIN pg_catalog.pg_trigger t ON t.tgrelid = p.oid AND NOT t.tgisinternal
    UNION ALL
    SELECT p.oid, 'default of column ' || pg_catalog.quote_ident(a.attname), 'pg_catalog.pg_attrdef'::regclass, d.oid
    FROM parts p
    JOIN pg_catalog.pg_attrdef d ON d.adrelid = p.oid
    JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    UNION ALL
    SELECT p.oid, 'constraint ' || pg_catalog.quote_ident(con.conname), 'pg_catalog.pg_constraint'::regclass, con.oid
    FROM parts p
    JOIN pg_catalog.pg_constraint con ON con.conrelid = p.oid
    UNION ALL
    SELECT p.oid, 'index ' || pg_catalog.quote_ident(own.relname), 'pg_catalog.pg_class'::regclass, own.oid
    FROM parts p
    JOIN pg_catalog.pg_index i ON p.oid IN (i.indrelid, i.indexrelid)
    JOIN pg_catalog.pg_class own ON own.oid = i.indexrelid
), used (oid, what, classid, objid) AS (
    SELECT h.oid, h.what, d.refclassid, d.refobjid
    FROM hangs h
    JOIN pg_catalog.pg_depend d ON d.classid = h.classid AND d.objid = h.objid AND d.refobjid <> h.oid
    UNION ALL
    SELECT p.oid, 'column ' || pg_catalog.quote_ident(a.attname), 'pg_catalog.pg_type'::regclass, a.atttypid
    FROM parts p
    JOIN pg_catalog.pg_attribute a ON a.attrelid = p.oid AND NOT a.attisdropped AND a.attnum > 0
), owned (oid, what, object, owner) AS (
    SELECT u.oid, u.what, 'function ' || f.oid::regprocedure::text, f.proowner
    FROM used u JOIN pg_catalog.pg_proc f ON u.classid = 'pg_catalog.pg_proc'::regclass AND f.oid = u.objid
    UNION ALL
    SELECT u.oid, u.what, 'operator ' || o.oid::regoperator::text, o.oprowner
    FROM used u JOIN pg_catalog.pg_operator o ON u.classid = 'pg_catalog.pg_operator'::regclass AND o.oid = u.objid
    UNION ALL
    SELECT u.oid, u.what, 'operator class ' || pg_catalog.quote_ident(o.opcname), o.opcowner
    FROM used u JOIN pg_catalog.pg_opclass o ON u.classid = 'pg_catalog.pg_opclass'::regclass AND o.oid = u.objid
    UNION ALL
    SELECT u.oid, u.what, 'type ' || pg_catalog.format_type(t.oid, NULL), t.typowner
    FROM used u JOIN pg_catalog.pg_type t ON u.classid = 'pg_catalog.pg_type'::regclass AND t.oid = u.objid
    UNION ALL
    SELECT u.oid, u.what, 'relation ' || c.oid::regclass::text, c.relowner
    FROM used u JOIN pg_catalog.pg_class c ON u.classid = 'pg_catalog.pg_class'::regclass AND c.oid = u.objid
), faults (oid, rank, why) AS (
    SELECT p.oid, 1, 'it belongs to role ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(p.relowner))
    FROM parts p
    WHERE p.relowner NOT IN (SELECT t.oid FROM trusted t)
    UNION ALL
    SELECT p.oid, 2, 'its schema belongs to role ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(p.nspowner))
                     || ', which may put another table in its place'
    FROM parts p
    WHERE p.nspowner NOT IN (SELECT t.oid FROM trusted t)
    UNION ALL
    SELECT o.oid, 3, 'its ' || o.what || ' uses ' || o.object || ', which belongs to role '
                     || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(o.owner))
    FROM owned o
    WHERE o.owner NOT IN (SELECT t.oid FROM trusted t)
    UNION ALL
    SELECT p.oid, 4, 'it has the rule ' || pg_catalog.quote_ident(r.rulename)
    FROM parts p
    JOIN pg_catalog.pg_rewrite r ON r.ev_class = p.oid AND r.rulename <> '_RETURN'
    UNION ALL
    SELECT p.oid, 5, 'it has the policy ' || pg_catalog.quote_ident(y.polname)
    FROM parts p
    JOIN pg_catalog.pg_policy y ON y.polrelid = p.oid
    UNION ALL
    SELECT p.oid, 6, 'it has row security on'
    FROM parts p
    WHERE p.relrowsecurity
    UNION ALL
    SELECT p.oid, 7, 'table ' || i.inhrelid::regclass::text || ' inherits from it'
    FROM parts p
    JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid
    UNION ALL
    SELECT p.oid, 8, 'it is a partition'
    FROM parts p
    WHERE p.relispartition
    UNION ALL
    SELECT p.oid, 9, 'table ' || c.oid::regclass::text || ', which belongs to role '
                     || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)) || ', refers to it'
    FROM parts p
    JOIN pg_catalog.pg_constraint f ON f.confrelid = p.oid AND f.contype = 'f'
    JOIN pg_catalog.pg_class c ON c.oid = f.conrelid
    WHERE c.relowner NOT IN (SELECT t.oid FROM trusted t)
    UNION ALL
    -- With these privileges another role could attach something to the table at any time.
    SELECT p.oid, 10, CASE WHEN a.grantee = 0 THEN 'everybody' ELSE 'role ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
                      || ' has the privilege ' || a.privilege_type || ' on it'
    FROM (SELECT p.oid, p.relacl AS acl FROM parts p
          UNION ALL
          SELECT p.oid, c.attacl FROM parts p JOIN pg_catalog.pg_attribute c ON c.attrelid = p.oid AND c.attacl IS NOT NULL) p
    CROSS JOIN LATERAL pg_catalog.aclexplode(p.acl) a
    WHERE a.privilege_type IN ('TRIGGER', 'REFERENCES') AND a.grantee NOT IN (SELECT t.oid FROM trusted t)
)
SELECT p.nspname::text AS schema, p.relname::text AS name, p.relkind::text AS kind, p.oid::int8 AS oid,
       pg_catalog.concat_ws(':', p.oid, p.xmin, p.namespace_xmin) AS shape,
       ARRAY(SELECT pg_catalog.concat(a.attname, ' ', pg_catalog.format_type(a.atttypid, NULL))
             FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = p.oid AND a.attnum > 0 AND NOT a.attisdropped
             ORDER BY a.attnum) AS columns,
       ARRAY(SELECT f.why FROM faults f WHERE f.oid = p.oid GROUP BY f.why ORDER BY pg_catalog.min(f.rank), f.why) AS faults
FROM parts p
ORDER BY p.nspname, p.relname
