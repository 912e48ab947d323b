-- Sessions whose subtransactions overflow their cache.
--
-- since   = 13
-- needs   = "no special privilege"
-- scope   = "server"
-- key     = ["kind"]
-- columns = ["kind text", "sessions int8", "reads int8 counter", "named text"]
-- [[check]]
-- name     = "subtransaction-overflow"
-- object   = ""
-- value    = "sessions"
-- samples  = 3
-- warning  = ["sessions > 0", "rate_reads > 100"]
-- finding  = "transactions with more than 64 subtransactions make every snapshot look up their parents on disk{named}"
-- remedy   = "Use fewer savepoints: no EXCEPTION block inside a loop, no savepoint for each row"
-- why      = "A transaction with more than 64 subtransactions no longer fits its cache. Together with one long transaction, this slows down even reads of other sessions by orders of magnitude, including those on standbys."
-- source   = "pg_stat_get_backend_subxact (16 and later), pg_stat_slru (13 to 15); PGPROC_MAX_CACHED_SUBXIDS"
-- ignore   = "One large load at a quiet time."
-- proof    = "pgkit activity"
SELECT 'sessions' AS kind,  -- pg16..
       pg_catalog.count(*) AS sessions,  -- pg16..
       0::int8 AS reads,  -- pg16..
       ': ' || pg_catalog.array_to_string((pg_catalog.array_agg('process ' || pg_catalog.pg_stat_get_backend_pid(b.id)::text ORDER BY b.id))[1 : 3], ', ') AS named  -- pg16..
FROM pg_catalog.pg_stat_get_backend_idset() AS b (id)  -- pg16..
CROSS JOIN LATERAL pg_catalog.pg_stat_get_backend_subxact(b.id) AS x  -- pg16..
WHERE x.subxact_overflowed  -- pg16..
HAVING pg_catalog.count(*) > 0  -- pg16..
SELECT 'reads' AS kind,  -- pg..15
       0::int8 AS sessions,  -- pg..15
       s.blks_read AS reads,  -- pg..15
       '' AS named  -- pg..15
FROM pg_catalog.pg_stat_slru s  -- pg..15
WHERE s.name = 'Subtrans'  -- pg..15
ORDER BY 1
