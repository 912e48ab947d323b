), columns AS (
    -- Each column of an entry as it is stored. A column of the table has that table's statistics, an expression its own.
    SELECT s.oid, k.attnum::int2 AS attnum, a.attname, false AS is_null,
           CASE WHEN a.attlen > 0 THEN a.attlen WHEN a.attlen = -1 THEN t.avg_width END::float8 AS width,
           CASE WHEN o.attnotnull AND a.attlen > 0 THEN 0 ELSE t.null_frac END::float8 AS nulls,
           a.attlen > 0 AS is_fixed,
           CASE
               -- Short values have a header of one byte, and are not aligned.
               WHEN a.attlen = -1 AND a.attstorage <> 'p' AND t.avg_width <= 127 THEN 1
               WHEN a.attalign = 'd' THEN 8 WHEN a.attalign = 'i' THEN 4 WHEN a.attalign = 's' THEN 2 ELSE 1
           END AS align,
           pg_catalog.has_column_privilege(coalesce(o.attrelid, s.oid), coalesce(o.attnum, a.attnum), 'SELECT')
           AND NOT (s.relrowsecurity AND pg_catalog.row_security_active(s.indrelid)) AS is_readable,
           -- A column of type name is stored without its padding, of whose width there are no statistics.
           a.attlen = -2 AS is_packed,
           t.n_distinct <= -0.9 AS is_distinct
    FROM sized s
    CROSS JOIN LATERAL pg_catalog.unnest(s.keys) WITH ORDINALITY AS k (key, attnum)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = s.oid AND a.attnum = k.attnum
    LEFT JOIN pg_catalog.pg_attribute o ON o.attrelid = s.indrelid AND o.attnum = k.key AND k.key <> 0
    -- Looked up column by column: the planner expects so few of either that it would compare each with each.
    LEFT JOIN LATERAL (
        SELECT t.avg_width, t.null_frac, t.n_distinct
        FROM pg_catalog.pg_stats t
        WHERE t.schemaname = s.nspname AND t.tablename = CASE WHEN k.key = 0 THEN s.relname ELSE s.table_name END
          AND t.attname = CASE WHEN k.key = 0 THEN a.attname ELSE o.attname END AND NOT t.inherited
        OFFSET 0
    ) AS t ON true
    WHERE s.total > 0
-- include bloat_walk
), entries AS (
    -- The header has 8 bytes, or 16 where any of the columns is NULL; the whole entry ends at a multiple of 8.
    SELECT w.oid,
           8 * w.no_null + 16 * (1 - w.no_null)
           + CASE WHEN w.is_exact THEN pg_catalog.ceil(w.place / 8) * 8 ELSE w.place + (8 - w.grain) / 2.0::float8 END AS width
    FROM walk w
    WHERE w.attnum = w.attributes
), counted AS (
    -- A table that has grown is assumed to have as many rows per page as before, and so is its index.
    SELECT s.*, CASE
                    WHEN s.pages_of_table = 0 THEN 0
                    WHEN s.relpages > 0 AND s.reltuples >= 0 AND s.table_pages > 0 AND s.table_rows >= 0 THEN s.reltuples::float8 * s.pages_of_table / s.table_pages
                END AS live,
           NOT s.indisunique AND s.may_deduplicate AND NOT EXISTS (SELECT FROM columns c WHERE c.oid = s.oid AND c.is_distinct) AS is_bound
    FROM sized s
), figures AS (
    SELECT c.oid, 'estimate' AS method, c.live AS rows,
           -- Each entry has a pointer of 4 bytes, and each page has a header of 24, an area of 16, and a high key. Every page
           -- of the upper levels points to those below, 70 % full. The first page says where the root is.
           CASE WHEN c.live = 0 THEN least(1, c.total / c.block)::float8
                ELSE 1 + greatest(1, c.live * (e.width + 4) / ((c.block - 40) * c.fillfactor / 100.0 - e.width - 4)) * (1 + (e.width + 4) / ((c.block - 40) * 0.7)) END AS pages,
           CASE
               WHEN c.total IS NULL OR c.total = 0 OR c.live = 0 THEN NULL
               WHEN c.live IS NULL THEN 'never analyzed'
               WHEN l.is_known THEN CASE WHEN c.is_bound THEN 'at least: equal keys are stored once' END
               WHEN NOT l.is_readable THEN 'not readable: SELECT on the table shows the statistics'
               WHEN (SELECT pg_catalog.bool_or(p.is_packed) FROM columns p WHERE p.oid = c.oid) THEN 'the width of type name in an index is not known'
               ELSE 'no statistics of column ' || (SELECT pg_catalog.quote_ident(a.attname) FROM pg_catalog.pg_attribute a WHERE a.attrelid = l.oid AND a.attnum = l.unknown)
           END AS fault
    FROM counted c
    LEFT JOIN listed l ON l.oid = c.oid
    LEFT JOIN entries e ON e.oid = c.oid
