-- Tables whose pages are damaged according to amcheck.
--
-- since     = 14
-- needs     = "EXECUTE on verify_heapam of the extension amcheck"
-- extension = "amcheck"
-- lock_timeout = "100ms"
-- retry     = ["55P03"]
-- key       = ["what"]
-- private   = ["message"]
-- columns   = ["id int8", "schema text", "name text", "what text", "size_bytes int8", "faults int8", "message text"]
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
-- [[param]]
-- name = "resume_after"
-- type = "int8"
-- help = "The id of the last row before the damage"
-- [[param]]
-- name = "resume_damage"
-- type = "text"
-- help = "What the server said of the damage"
WITH exclusive (oid) AS (
-- include exclusive
)
-- A page that cannot be read ends the statement. It is run again from there, so the rows must come one by one, in a lasting order.
SELECT v.id, v.schema, v.name,
       CASE WHEN v.relkind = 't' THEN 'the TOAST table of ' ELSE '' END || v.schema || '.' || v.name AS what,
       v.size_bytes, v.found[1]::int8 AS faults, v.found[2] AS message
FROM (SELECT c.*,
             CASE
                 WHEN c.is_damaged THEN ARRAY['1', $2]
                 WHEN c.is_locked THEN NULL
                 ELSE (SELECT ARRAY[pg_catalog.count(*)::text,
                                    pg_catalog.min('page ' || coalesce(h.blkno::text, '?') || coalesce(', item ' || h.offnum::text, '') || ': ' || h.msg)]
                       FROM "{extension}".verify_heapam(c.id::oid::regclass, on_error_stop => true, check_toast => true) AS h)
             END AS found
      -- Includes the relations above and below a locked one, since the TOAST table and its index are read too.
      FROM (SELECT c.oid::int8 AS id, n.nspname::text AS schema, coalesce(o.relname, c.relname)::text AS name, c.relkind,
                   c.relpages::int8 * pg_catalog.current_setting('block_size')::int8 AS size_bytes,
                   c.oid IN (SELECT e.oid FROM exclusive e) OR c.reltoastrelid IN (SELECT e.oid FROM exclusive e)
                   OR c.reltoastrelid IN (SELECT i.indrelid FROM exclusive e JOIN pg_catalog.pg_index i ON i.indexrelid = e.oid) AS is_locked,
                   $2 IS NOT NULL AND pg_catalog.row_number() OVER (ORDER BY c.oid) = 1 AS is_damaged
            FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_class o ON o.reltoastrelid = c.oid AND c.relkind = 't'
            JOIN pg_catalog.pg_namespace n ON n.oid = coalesce(o.relnamespace, c.relnamespace)
            WHERE c.relkind IN ('r', 'm', 't') AND c.relam = 2
              AND c.relpersistence <> 't' AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
              AND c.oid::int8 > coalesce($1, 0)
            ORDER BY c.oid::int8
            OFFSET 0) AS c
      ORDER BY c.id
      OFFSET 0) AS v
ORDER BY v.id
