), columns AS (
    -- Each column of a row as it is stored: how wide, how aligned, how often NULL. What has a fixed width and is never NULL
    -- needs no statistics; a dropped column is NULL in rows that were written since, and so is a virtual one.
    SELECT s.oid, a.attnum, a.attname, a.attisdropped, y.is_null,
           CASE WHEN y.is_null THEN 0 WHEN a.attlen > 0 THEN a.attlen ELSE t.avg_width END::float8 AS width,
           CASE WHEN y.is_null THEN 1 WHEN a.attnotnull AND a.attlen > 0 THEN 0 ELSE t.null_frac END::float8 AS nulls,
           a.attlen > 0 AS is_fixed,
           CASE
               -- Short values have a header of one byte, and are not aligned.
               WHEN a.attlen = -1 AND a.attstorage <> 'p' AND t.avg_width <= 127 THEN 1
               WHEN a.attalign = 'd' THEN 8 WHEN a.attalign = 'i' THEN 4 WHEN a.attalign = 's' THEN 2 ELSE 1
           END AS align,
           pg_catalog.has_column_privilege(s.oid, a.attnum, 'SELECT') AND NOT (s.relrowsecurity AND pg_catalog.row_security_active(s.oid)) AS is_readable
    FROM sized s
    JOIN pg_catalog.pg_attribute a ON a.attrelid = s.oid AND a.attnum > 0
    CROSS JOIN LATERAL (
        SELECT a.attisdropped
               OR a.attgenerated = 'v'  -- pg18..
               AS is_null
        OFFSET 0
    ) AS y
    -- Looked up column by column: the planner expects so few of either that it would compare each with each.
    LEFT JOIN LATERAL (
        SELECT t.avg_width, t.null_frac
        FROM pg_catalog.pg_stats t
        WHERE t.schemaname = s.nspname AND t.tablename = s.relname AND t.attname = a.attname AND NOT t.inherited
        OFFSET 0
    ) AS t ON true
    WHERE s.relkind <> 't' AND s.is_heap AND s.total > 0
-- include bloat_walk
), tuples AS (
    -- The header has 23 bytes, with one bit for each column where any of them is NULL; it and the whole row end at a multiple of 8.
    SELECT w.oid,
           24 * w.no_null + (23 + (w.attributes + 7) / 8 + 7) / 8 * 8 * (1 - w.no_null)
           + CASE WHEN w.is_exact THEN pg_catalog.ceil(w.place / 8) * 8 ELSE w.place + (8 - w.grain) / 2.0::float8 END AS width
    FROM walk w
    WHERE w.attnum = w.attributes
), counted AS (
    -- As in the planner, a table that has grown is assumed to have as many rows per page as before.
    SELECT s.*, CASE WHEN s.total = 0 THEN 0 WHEN s.relpages > 0 AND s.reltuples >= 0 THEN s.reltuples::float8 / s.relpages * (s.total / s.block) END AS live
    FROM sized s
), figures AS (
    SELECT c.oid, 'estimate' AS method, c.live AS rows, NULL::int8 AS dead,
           -- Each row has a pointer of 4 bytes.
           CASE WHEN c.relkind <> 't' AND c.is_heap THEN CASE WHEN c.live = 0 THEN 0 ELSE c.live * (t.width + 4) END END AS used,
           CASE
               WHEN c.relkind = 't' THEN 'its free space is known only with --exact'
               WHEN c.total IS NULL OR c.total = 0 THEN NULL
               WHEN NOT c.is_heap THEN 'its access method is not heap'
               WHEN c.live IS NULL THEN 'never analyzed'
               WHEN c.live = 0 OR l.oid IS NULL OR l.is_known THEN NULL
               WHEN NOT l.is_readable THEN 'not readable: SELECT on it shows the statistics'
               WHEN NOT l.is_analyzed THEN 'never analyzed'
               ELSE 'no statistics of column ' || (SELECT pg_catalog.quote_ident(a.attname) FROM pg_catalog.pg_attribute a WHERE a.attrelid = l.oid AND a.attnum = l.unknown)
           END AS fault
    FROM counted c
    LEFT JOIN listed l ON l.oid = c.oid
    LEFT JOIN tuples t ON t.oid = c.oid
