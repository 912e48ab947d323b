-- The schemas with a table of crontabber's, and what of its columns and of these relations ($1) each has; and whether the
-- search path shows it.
-- The search path is the role's own here: operators are named in full, for somebody's could stand before the server's.
SELECT n.nspname::text AS schema,
       pg_catalog.pg_table_is_visible(c.oid) AS visible,
       ARRAY(SELECT pg_catalog.concat(a.attname, ' ', pg_catalog.format_type(a.atttypid, NULL))
             FROM pg_catalog.pg_attribute a
             WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0::int2
               AND NOT a.attisdropped
             ORDER BY a.attnum) AS columns,
       ARRAY(SELECT own.relname::text
             FROM pg_catalog.pg_class own
             WHERE own.relnamespace OPERATOR(pg_catalog.=) c.relnamespace
               AND own.relname OPERATOR(pg_catalog.=) ANY ($1::name[])) AS parts
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE c.relname OPERATOR(pg_catalog.=) 'crontabber'::name
  AND c.relkind OPERATOR(pg_catalog.=) ANY (ARRAY['r', 'p', 'v']::"char"[])
ORDER BY 2 DESC, 1
