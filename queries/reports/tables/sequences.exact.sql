-- Sequences, and how far each has come towards the narrowest column that its values reach.
--
-- since   = 10
-- needs   = "SELECT on the keys' columns, and a server built with libxml"
-- flag    = "exact"
-- lock_timeout = "100ms"
-- retry   = ["55P03", "XX000"]
-- source  = "pg_sequence, pg_depend, pg_constraint"
-- example = "pgkit sequences --limit 10"
-- include sequences_figured
), exclusive (oid) AS (
-- include exclusive
), waiting (oid) AS (
    -- With what stands above a locked partition.
    SELECT e.oid FROM exclusive e
    UNION
    SELECT h.inhparent FROM waiting w JOIN pg_catalog.pg_inherits h ON h.inhrelid = w.oid
), bare AS (
    -- Primary keys of one integer column that no sequence fills. Those of partitions count in their partitioned table.
    SELECT c.oid, n.nspname, c.relname, c.relkind, a.attname, a.atttypid, t.high,
           CASE
               WHEN pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT') IS NOT true THEN 'no privilege'
               WHEN c.relrowsecurity AND pg_catalog.row_security_active(c.oid) THEN 'row security'
               WHEN c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery() THEN 'unlogged'
               WHEN c.oid IN (SELECT w.oid FROM waiting w) OR i.indexrelid IN (SELECT w.oid FROM waiting w) THEN 'locked'
               ELSE ''
           END AS state
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indrelid AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    JOIN namespaces n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
    JOIN (VALUES ('int2'::regtype::oid, 32767::int8), ('int4'::regtype::oid, 2147483647), ('int8'::regtype::oid, 9223372036854775807)) AS t (oid, high) ON t.oid = a.atttypid
    WHERE i.indisprimary AND i.indisvalid AND i.indnatts = 1
      AND NOT EXISTS (SELECT FROM reached r WHERE r.relid = a.attrelid AND r.attnum = a.attnum)
      AND
-- include chosen
), measured AS MATERIALIZED (  -- pg12..
), measured AS (  -- pg..11
    -- The only function that runs a statement from within one. The index gives the largest value without reading the table.
    SELECT b.*,
           CASE WHEN b.state = '' THEN pg_catalog.substring(pg_catalog.query_to_xml(
               pg_catalog.format('SELECT pg_catalog.max(%I) AS max FROM %s%I.%I', b.attname, CASE b.relkind WHEN 'r' THEN 'ONLY ' ELSE '' END, b.nspname, b.relname),
               true, false, '')::text, '<max>(-?[0-9]+)</max>')::int8 END AS last
    FROM bare b
), answer AS (
    SELECT f.seqcycle AND f.edge_name IS NULL AS is_endless, f.nspname::text AS schema, f.relname::text AS name, f.table_name::text AS table_name, f.attname::text AS column_name,
           f.seqtypid, f.last, f.edge::int8 AS edge, CASE WHEN f.reached IS NOT NULL THEN f.used END AS used, f.edge_name,
           f.seqcycle, CASE WHEN f.reached IS NOT NULL THEN f.left_over END AS left_over, f.seqincrement, f.said
    FROM figured f
    UNION ALL
    SELECT false, m.nspname::text, NULL, m.relname::text, m.attname::text, m.atttypid, m.last, m.high,
           CASE WHEN m.state = '' THEN greatest(pg_catalog.round(100::numeric * coalesce(m.last, 0)::numeric / m.high::numeric, 1), 0::numeric)::float8 END, NULL,
           NULL, CASE WHEN m.state = '' THEN m.high - greatest(coalesce(m.last, 0), 0) END, NULL, CASE WHEN m.state = '' THEN 'no sequence' ELSE m.state END
    FROM measured m
)
SELECT a.schema, a.name, a.table_name AS "table", a.column_name AS "column", pg_catalog.format_type(a.seqtypid, NULL) AS type, a.last AS last_value, a.edge AS "limit",
       a.used AS used_pct, a.edge_name AS limited_by, a.seqcycle AS cycles, a.left_over AS values_left, a.seqincrement AS increment, a.said AS state
FROM answer a
ORDER BY a.is_endless, a.used DESC NULLS LAST, a.schema COLLATE "C", a.name COLLATE "C" NULLS LAST, a.table_name COLLATE "C"
