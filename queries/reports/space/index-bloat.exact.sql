-- Space in b-tree indexes that no entry uses, measured.
--
-- since   = 10
-- needs   = "EXECUTE on pgstatindex, which pg_stat_scan_tables and pg_monitor have; and USAGE on the schema of pgstattuple"
-- flag    = "exact"
-- extension = "pgstattuple"
-- source  = "pgstatindex"
-- include index_bloat_header
-- include index_bloat_indexes
), measured AS MATERIALIZED (  -- pg12..
), measured AS (  -- pg..11
    SELECT s.oid, m.leaf_pages::float8 AS leaves, m.internal_pages::float8 AS inner_pages,
           -- Without leaf pages the density is NaN.
           m.leaf_pages * CASE WHEN m.leaf_pages > 0 THEN m.avg_leaf_density ELSE 0 END / s.fillfactor AS full_leaves
    FROM sized s
    CROSS JOIN LATERAL "{extension}".pgstatindex(s.oid::regclass) AS m
    WHERE s.is_valid AND NOT s.is_locked AND s.total > 0
), figures AS (
    SELECT m.oid, 'exact' AS method, NULL::float8 AS rows,
           1 + m.full_leaves + m.inner_pages * CASE WHEN m.leaves > 0 THEN least(1, m.full_leaves / m.leaves) ELSE 0 END AS pages,
           NULL::text AS fault
    FROM measured m
-- include index_bloat_answer
