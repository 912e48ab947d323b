-- Tables whose pages are damaged according to amcheck.
--
-- since     = 14
-- needs     = "EXECUTE on verify_heapam of the extension amcheck"
-- extension = "amcheck"
-- lock_timeout = "100ms"
-- retry     = ["55P03"]
-- key       = ["what"]
-- columns   = ["schema text", "name text", "what text", "size_bytes int8", "faults int8", "message text"]
-- [[check]]
-- name     = "table-damaged"
-- object   = "{schema}.{name}"
-- value    = "faults"
-- critical = "faults > 0"
-- unseen   = "faults is null"
-- unseen_because = "{what} is locked, so its pages were not read"
-- finding  = "{what} is damaged: {message}"
-- remedy   = "stop the server and copy its files before anything else; then restore the table from a backup"
-- why      = "Rows are lost or wrong, and VACUUM may stop at that page or make the damage worse."
-- source   = "verify_heapam of the extension amcheck, which stops at the first page with a fault"
-- optional = "deep"
WITH exclusive (oid) AS (
-- include exclusive
), chosen AS (
    -- Includes the relations above and below a locked one, since the TOAST table and its index are read too.
    SELECT c.oid, coalesce(o.relname, c.relname) AS relname, coalesce(o.relnamespace, c.relnamespace) AS relnamespace, c.relkind, c.relpages,
           c.oid IN (SELECT e.oid FROM exclusive e) OR c.reltoastrelid IN (SELECT e.oid FROM exclusive e)
           OR c.reltoastrelid IN (SELECT i.indrelid FROM exclusive e JOIN pg_catalog.pg_index i ON i.indexrelid = e.oid) AS is_locked
    FROM pg_catalog.pg_class c
    LEFT JOIN pg_catalog.pg_class o ON o.reltoastrelid = c.oid AND c.relkind = 't'
    WHERE c.relkind IN ('r', 'm', 't') AND c.relam = 2
      AND c.relpersistence <> 't' AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
    -- The largest first, since there may not be enough time for all of them.
    ORDER BY c.relpages DESC, c.oid
), checked AS MATERIALIZED (
    SELECT c.*, v.faults, v.message
    FROM chosen c
    LEFT JOIN LATERAL (
        SELECT pg_catalog.count(*) AS faults, pg_catalog.min('page ' || coalesce(h.blkno::text, '?') || coalesce(', item ' || h.offnum::text, '') || ': ' || h.msg) AS message
        FROM "{extension}".verify_heapam(c.oid::regclass, on_error_stop => true, check_toast => true) AS h
    ) AS v ON NOT c.is_locked
)
SELECT n.nspname::text AS schema, c.relname::text AS name,
       CASE WHEN c.relkind = 't' THEN 'the TOAST table of ' ELSE '' END || n.nspname::text || '.' || c.relname::text AS what,
       c.relpages::int8 * pg_catalog.current_setting('block_size')::int8 AS size_bytes, c.faults, c.message
FROM checked c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.faults IS NULL OR c.faults > 0
ORDER BY c.relpages DESC, n.nspname, c.relname, c.relkind
