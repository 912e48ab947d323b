-- Stored columns of a type whose values cannot be carried over: in tables, materialized views and indexes, also within
-- domains, arrays, composite types and ranges. The types are those of pg_upgrade's check.c (data_types_usage_checks);
-- those that changed before PostgreSQL 10 (line, unknown) no server has that pgkit serves.
WITH RECURSIVE known (name, crosses, becomes, why) AS (
    VALUES ('regcollation', 0, 'text', NULL), ('regconfig', 0, 'text', NULL), ('regdictionary', 0, 'text', NULL),
           ('regnamespace', 0, 'text', NULL), ('regoper', 0, 'text', NULL), ('regoperator', 0, 'text', NULL),
           ('regproc', 0, 'text', NULL), ('regprocedure', 0, 'text', NULL),
           ('sql_identifier', 12, 'text', 'its storage changed in 12'),
           ('abstime', 12, 'timestamptz', 'it was removed in 12'), ('reltime', 12, 'interval', 'it was removed in 12'),
           ('tinterval', 12, 'text', 'it was removed in 12'),
           ('aclitem', 16, 'text', 'its storage changed in 16')
), roots AS (
    SELECT t.oid AS oid, pg_catalog.format_type(t.oid, NULL) AS type, k.becomes AS becomes,
           CASE WHEN t.typtype = 'c' THEN 'its OID differs from version to version'
                ELSE COALESCE(k.why, 'it holds OIDs, which pg_upgrade does not keep') END AS why
    FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN known k ON k.name = t.typname AND n.nspname IN ('pg_catalog', 'information_schema')
    WHERE (t.typtype = 'c' AND (t.oid < 16384 OR n.nspname = 'information_schema'))
       OR (k.crosses <= $1 AND (k.crosses = 0 OR k.crosses > pg_catalog.current_setting('server_version_num')::int / 10000)
           AND (k.name = 'sql_identifier') = (n.nspname = 'information_schema'))
), holding (oid, root) AS (
    SELECT r.oid, r.oid FROM roots r
    UNION
    SELECT t.oid, h.root
    FROM holding h
    CROSS JOIN LATERAL (
        SELECT d.oid FROM pg_catalog.pg_type d WHERE d.typbasetype = h.oid AND d.typtype = 'd'
        UNION ALL
        SELECT e.oid FROM pg_catalog.pg_type e WHERE e.typelem = h.oid AND e.typtype = 'b'
        UNION ALL
        SELECT c.reltype FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
        WHERE a.atttypid = h.oid AND NOT a.attisdropped AND c.reltype <> 0
        UNION ALL
        SELECT g.rngtypid FROM pg_catalog.pg_range g WHERE g.rngsubtype = h.oid
    ) AS t
), hits AS (
    SELECT DISTINCT ON (c.oid, a.attnum)
           c.oid AS relid, c.relkind AS relkind, n.nspname AS schema, c.relname AS name, a.attname AS attname,
           a.attnum AS attnum, a.atttypid = h.root AS plain, a.attinhcount > 0 AS inherited,
           pg_catalog.format_type(a.atttypid, a.atttypmod) AS found, r.type AS type, r.becomes AS becomes, r.why AS why
    FROM holding h
    JOIN roots r ON r.oid = h.root
    JOIN pg_catalog.pg_attribute a ON a.atttypid = h.oid AND NOT a.attisdropped
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'm', 'i')
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_(toast_)?temp_' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    ORDER BY c.oid, a.attnum, h.root
), mended AS (
    -- An index follows the column of its table; a column of a child follows its ancestor's.
    SELECT hit.*, i.indrelid, own.attname AS own_attname, own.attinhcount > 0 AS own_inherited
    FROM hits hit
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = hit.relid
    LEFT JOIN pg_catalog.pg_attribute own ON own.attrelid = COALESCE(i.indrelid, hit.relid) AND NOT own.attisdropped
         AND own.attnum = CASE WHEN i.indrelid IS NULL THEN hit.attnum ELSE i.indkey[hit.attnum - 1] END
)
SELECT 'stops' AS severity,
       pg_catalog.current_database()::text AS database,
       CASE m.relkind WHEN 'i' THEN 'index ' WHEN 'm' THEN 'materialized view ' ELSE 'table ' END
           || pg_catalog.format('%I.%I', m.schema, m.name)
           || CASE WHEN m.relkind = 'i' THEN '' ELSE pg_catalog.format(', column %I', m.attname) END AS object,
       'has the type ' || m.found AS problem,
       CASE WHEN m.relkind = 'm' THEN 'drop the materialized view, and make it again with another type'
            WHEN m.own_attname IS NULL THEN 'drop the index'
            WHEN m.becomes IS NULL THEN 'drop the column'
            ELSE 'change the type (to ' || CASE WHEN m.plain THEN m.becomes ELSE 'text' END || '), or drop the column' END AS fix,
       m.type || ': ' || m.why AS why,
       CASE WHEN m.relkind = 'm' THEN pg_catalog.format('DROP MATERIALIZED VIEW %I.%I;', m.schema, m.name)
            WHEN m.own_attname IS NULL THEN pg_catalog.format('DROP INDEX %I.%I;', m.schema, m.name)
            WHEN m.becomes IS NULL
                THEN pg_catalog.format('ALTER TABLE %s DROP COLUMN %I;', COALESCE(top.oid, m.indrelid, m.relid)::pg_catalog.regclass,
                                       m.own_attname)
            ELSE pg_catalog.format('ALTER TABLE %1$s ALTER COLUMN %2$I TYPE pg_catalog.%3$s USING %2$I::pg_catalog.%3$s;',
                                   COALESCE(top.oid, m.indrelid, m.relid)::pg_catalog.regclass, m.own_attname,
                                   CASE WHEN m.plain THEN m.becomes ELSE 'text' END) END AS sql,
       pg_catalog.current_database()::text AS run_in,
       true AS choice
FROM mended m
LEFT JOIN LATERAL (
    WITH RECURSIVE up (oid) AS (
        SELECT i.inhparent FROM pg_catalog.pg_inherits i WHERE i.inhrelid = COALESCE(m.indrelid, m.relid) AND m.own_inherited
        UNION
        SELECT i.inhparent FROM up JOIN pg_catalog.pg_inherits i ON i.inhrelid = up.oid
    )
    SELECT up.oid
    FROM up
    JOIN pg_catalog.pg_attribute a ON a.attrelid = up.oid AND a.attname = m.own_attname AND a.attinhcount = 0
    ORDER BY up.oid
    LIMIT 1
) AS top ON true
ORDER BY 3
