-- Space in tables and TOAST that no row uses, measured.
--
-- since   = 10
-- needs   = "EXECUTE on pgstattuple and pgstattuple_approx, which pg_stat_scan_tables and pg_monitor have; and USAGE on the schema of pgstattuple"
-- flag    = "exact"
-- extension = "pgstattuple"
-- source  = "pgstattuple_approx, pgstattuple"
-- include bloat_header
-- include bloat_tables
), measured AS MATERIALIZED (  -- pg12..
), measured AS (  -- pg..11
    SELECT s.oid, m.approx_tuple_count AS rows, m.dead_tuple_count AS dead, m.table_len::float8 AS total, m.approx_tuple_len::float8 AS live_len,
           m.dead_tuple_len::float8 AS dead_len, m.approx_free_space AS free
    FROM sized s
    CROSS JOIN LATERAL "{extension}".pgstattuple_approx(s.oid::regclass) AS m
    WHERE s.relkind <> 't' AND s.is_heap AND NOT s.is_locked AND s.total > 0
    UNION ALL
    SELECT s.oid, m.tuple_count, m.dead_tuple_count, m.table_len::float8, m.tuple_len::float8, m.dead_tuple_len::float8, m.free_space
    FROM sized s
    CROSS JOIN LATERAL "{extension}".pgstattuple(s.oid::regclass) AS m
    WHERE s.relkind = 't' AND NOT s.is_locked AND s.total > 0
), figures AS (
    -- The server counts pointers and padding nowhere. So all that is neither free nor header is shared out between live and dead rows in the ratio of their lengths.
    -- Pages that nobody has written to yet are counted as free by some versions only: no row has more than 11 bytes beside it.
    SELECT s.oid, 'exact' AS method, m.rows::float8 AS rows, m.dead,
           CASE WHEN s.total = 0 THEN 0 WHEN u.used > m.live_len + m.rows * 11 THEN m.live_len + m.rows * 7.5 ELSE u.used END AS used,
           CASE WHEN NOT s.is_heap AND s.relkind <> 't' THEN 'its access method is not heap' END AS fault
    FROM sized s
    LEFT JOIN measured m ON m.oid = s.oid
    CROSS JOIN LATERAL (
        SELECT CASE WHEN m.live_len = 0 THEN 0
                    ELSE (m.total - m.free - m.total / s.block * 24) * m.live_len / (m.live_len + m.dead_len) END AS used
        OFFSET 0
    ) AS u
-- include bloat_answer
