-- The size of each table, with its indexes and TOAST.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- flag    = "estimate"
-- fallback = true
-- source  = "pg_class.relpages"
-- example = "pgkit sizes --group-partitions --limit 10"
-- include sizes_header
-- include sizes_families
), estimates AS (
    -- Pages as VACUUM or ANALYZE last counted them; 0 means that nobody has, so it is unknown.
    SELECT c.oid,
           nullif(c.relpages, 0) * b.size AS main,
           nullif(t.relpages + coalesce(ti.pages, 0), 0) * b.size AS toast,
           i.pages * b.size AS indexes
    FROM chosen c
    CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::int8) AS b (size)
    LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
    LEFT JOIN LATERAL (
        SELECT pg_catalog.sum(x.relpages) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = t.oid
    ) AS ti (pages) ON true
    LEFT JOIN LATERAL (
        SELECT coalesce(pg_catalog.sum(x.relpages), 0) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid
    ) AS i (pages) ON true
    WHERE c.has_storage OR c.is_elsewhere
), weighed AS (
    SELECT c.*,
           e.main::int8 AS main,
           CASE WHEN e.main IS NOT NULL AND c.reltoastrelid = 0 THEN 0 ELSE e.toast END::int8 AS toast,
           CASE WHEN e.main IS NOT NULL THEN e.indexes END::int8 AS indexes,
           (e.main + coalesce(e.toast, 0) + e.indexes)::int8 AS total,
           CASE WHEN c.has_storage OR c.is_elsewhere THEN 'estimate' ELSE '' END AS state
    FROM chosen c
    LEFT JOIN estimates e ON e.oid = c.oid
-- include sizes_answer
