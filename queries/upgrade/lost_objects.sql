-- What somebody made in the system's schemas: pg_dump leaves it out, unless it is an extension's; and tables in a schema of
-- the name that pg_upgrade once had for its own. From pg_dump.c (selectDumpableNamespace) and pg_upgrade's info.c
-- (get_rel_infos). Large objects' and TOAST tables are the system's own.
WITH found (kind, schema, name, class, oid) AS (
    SELECT CASE c.relkind WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view'
                          WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'type' ELSE 'table' END,
           c.relnamespace, c.relname::text, 'pg_catalog.pg_class'::pg_catalog.regclass::oid, c.oid
    FROM pg_catalog.pg_class c
    WHERE c.relkind <> 't'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
                      WHERE i.indexrelid = c.oid AND t.relkind = 't')
    UNION ALL
    SELECT 'function', p.pronamespace, p.proname::text || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
           'pg_catalog.pg_proc'::pg_catalog.regclass::oid, p.oid
    FROM pg_catalog.pg_proc p
    UNION ALL
    SELECT 'type', t.typnamespace, t.typname::text, 'pg_catalog.pg_type'::pg_catalog.regclass::oid, t.oid
    FROM pg_catalog.pg_type t
    WHERE t.typrelid = 0 AND t.typelem = 0
    UNION ALL
    SELECT 'operator', o.oprnamespace, o.oprname::text, 'pg_catalog.pg_operator'::pg_catalog.regclass::oid, o.oid
    FROM pg_catalog.pg_operator o
    UNION ALL
    SELECT 'collation', l.collnamespace, l.collname::text, 'pg_catalog.pg_collation'::pg_catalog.regclass::oid, l.oid
    FROM pg_catalog.pg_collation l
    WHERE l.collnamespace <> 'pg_catalog'::pg_catalog.regnamespace
)
SELECT CASE WHEN n.nspname = 'binary_upgrade' THEN 'stops' ELSE 'hurts' END AS severity,
       pg_catalog.current_database()::text AS database,
       f.kind || ' ' || pg_catalog.quote_ident(n.nspname) || '.' || f.name AS object,
       CASE WHEN n.nspname = 'binary_upgrade' THEN 'is in a schema that pg_upgrade takes for its own'
            ELSE 'is in a schema of the system''s' END AS problem,
       CASE WHEN n.nspname = 'binary_upgrade' THEN 'rename the schema' ELSE 'make it anew in a schema of your own, or drop it' END AS fix,
       CASE WHEN n.nspname = 'binary_upgrade' THEN 'its rows are not carried over, without a word'
            ELSE 'pg_dump leaves it out: it is gone afterwards, and what uses it cannot be restored' END AS why,
       CASE WHEN n.nspname = 'binary_upgrade' THEN 'ALTER SCHEMA binary_upgrade RENAME TO binary_upgrade_2;' END AS sql,
       pg_catalog.current_database()::text AS run_in,
       true AS choice
FROM found f
JOIN pg_catalog.pg_namespace n ON n.oid = f.schema
WHERE f.oid >= 16384
  AND (n.nspname IN ('pg_catalog', 'information_schema', 'pg_toast')
       OR n.nspname = 'binary_upgrade' AND f.class = 'pg_catalog.pg_class'::pg_catalog.regclass::oid AND f.kind IN ('table', 'materialized view', 'sequence'))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = f.class AND d.objid = f.oid
                    AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e')
ORDER BY 3
