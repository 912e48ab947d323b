-- Column types that are often regretted, counted by schema.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- key     = ["schema"]
-- columns = ["schema text", "column_count int8", "detail text"]
-- [[check]]
-- name     = "types-worth-a-look"
-- object   = "{schema}"
-- value    = "column_count"
-- note     = "column_count > 0"
-- finding  = "columns of the schema {schema} have types that are often regretted: {detail}"
-- remedy   = "check each of them before the tables grow; pgkit describe shows the columns"
-- why      = "json keeps its input as text and cannot be compared, char(n) pads with blanks, money and times without a time zone depend on settings, float loses cents, and serial leaves privileges and defaults behind."
-- source   = "PostgreSQL's wiki, Don't Do This"
-- ignore   = "An old schema that is no longer changed."
-- optional = "lint"
WITH of_extensions AS (
    SELECT d.objid FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::regclass
), columns AS (
    SELECT n.nspname, c.oid, a.attname, a.attnum, a.atttypid
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(temp|toast)'
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.oid NOT IN (SELECT e.objid FROM of_extensions e)
      AND a.attinhcount = 0
), kinds (nspname, place, kind) AS (
    SELECT c.nspname, x.place, x.kind
    FROM columns c
    JOIN (VALUES ('json'::regtype, 1, 'json'), ('bpchar'::regtype, 2, 'char(n)'), ('money'::regtype, 3, 'money'), ('timestamp'::regtype, 4, 'timestamp without time zone'),
                 ('timetz'::regtype, 5, 'time with time zone')) AS x (type, place, kind) ON x.type = c.atttypid
    UNION ALL
    SELECT c.nspname, 6, 'float for money'
    FROM columns c
    WHERE c.atttypid IN ('float4'::regtype, 'float8'::regtype) AND c.attname ~* '(^|_)(price|amount|cost|total|balance|salary|fee|tax|discount|revenue|payment)s?($|_)'
    UNION ALL
    SELECT c.nspname, 7, 'serial'
    FROM columns c
    JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = c.attnum AND d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'a'
    JOIN pg_catalog.pg_sequence s ON s.seqrelid = d.objid
    UNION ALL
    SELECT c.nspname, 8, 'varchar as primary key'
    FROM pg_catalog.pg_index i
    JOIN columns c ON c.oid = i.indrelid AND c.attnum = i.indkey[0] AND c.atttypid = 'varchar'::regtype
    WHERE i.indisprimary AND i.indnatts = 1
)
SELECT k.nspname::text AS schema, pg_catalog.sum(k.count)::int8 AS column_count, pg_catalog.string_agg(k.kind || ' ' || k.count::text, ', ' ORDER BY k.place) AS detail
FROM (SELECT x.nspname, x.place, x.kind, pg_catalog.count(*) AS count FROM kinds x GROUP BY x.nspname, x.place, x.kind) AS k
GROUP BY k.nspname
ORDER BY k.nspname
