-- Temporary tables that are so old that they hold back freezing.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "database"
-- key     = ["object", "schema"]
-- columns = ["object text", "schema text", "age int8", "limit int8", "holder text", "remedy text"]
-- [[check]]
-- name     = "temp-table-pins-freeze"
-- object   = "{object}"
-- value    = "age"
-- warning  = "age > limit"
-- finding  = "the temporary table {object}{holder} is {age} transactions old, and only its own session can freeze it"
-- remedy   = "{remedy}"
-- why      = "Autovacuum cannot vacuum a temporary table of a running session. Its age keeps the age of the whole database high, up to the limit where the server refuses to write."
-- source   = "the manual, preventing transaction id wraparound; autovacuum_freeze_max_age"
-- ignore   = "Nothing to ignore: a session that has lived so long can be restarted."
-- proof    = "pgkit vacuum --scope table"
WITH old AS (
    SELECT c.relname, n.nspname, greatest(pg_catalog.age(c.relfrozenxid), pg_catalog.age(t.relfrozenxid))::int8 AS age,
           pg_catalog.current_setting('autovacuum_freeze_max_age')::int8 AS "limit"
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
    WHERE c.relpersistence = 't' AND c.relkind = 'r' AND c.relfrozenxid <> '0'::xid
), sessions AS (
    -- The number of a session is the number in the name of its schema. Before 16 it is visible only in the locks that the session holds.
    SELECT b.id::text AS id, pg_catalog.pg_stat_get_backend_pid(b.id) AS pid  -- pg16..
    FROM pg_catalog.pg_stat_get_backend_idset() AS b (id)  -- pg16..
    SELECT DISTINCT pg_catalog.split_part(l.virtualtransaction, '/', 1) AS id, l.pid  -- pg..15
    FROM pg_catalog.pg_locks l  -- pg..15
    WHERE l.pid IS NOT NULL  -- pg..15
      AND EXISTS (SELECT FROM old o WHERE o.age > o."limit")  -- pg..15
)
SELECT 'pg_temp.' || o.relname::text AS object,
       o.nspname::text AS schema,
       o.age,
       o."limit",
       coalesce(' of process ' || s.pid::text, '') AS holder,
       coalesce('SELECT pg_terminate_backend(' || s.pid::text || '), or VACUUM FREEZE in that session', 'End the session whose schema is ' || o.nspname::text || ', or run VACUUM FREEZE in it') AS remedy
FROM old o
LEFT JOIN sessions s ON 'pg_temp_' || s.id = o.nspname
WHERE o.age > o."limit"
ORDER BY o.age DESC, o.nspname::text COLLATE "C", o.relname::text COLLATE "C"
