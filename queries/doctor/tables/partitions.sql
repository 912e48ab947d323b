-- Partitioned tables that will soon lack a partition for new rows, or whose rows are in the wrong place.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- key     = ["reason", "schema", "name"]
-- columns = ["reason text", "schema text", "name text", "part text", "rows int8", "has_default bool", "ahead_s float8", "warn_s float8", "crit_s float8", "upper_bound text", "detail text", "remedy text"]
-- [[check]]
-- name     = "default-partition-filled"
-- object   = "{part}"
-- value    = "rows"
-- only     = "reason = 'default'"
-- warning  = "rows > 0"
-- finding  = "{part}, the default partition of {schema}.{name}, contains rows that belong to no other partition: {rows}"
-- remedy   = "{remedy}"
-- why      = "A partition for these rows can no longer be added, and each new partition first scans the whole default partition while the table is locked."
-- source   = "PostgreSQL's manual, Table Partitioning; pg_partitioned_table.partdefid"
-- ignore   = "A default partition that is meant to hold what has no partition of its own."
-- [[check]]
-- name     = "next-partition-missing"
-- object   = "{schema}.{name}"
-- value    = "ahead_s"
-- only     = "reason = 'range'"
-- critical = "not has_default and ahead_s <= crit_s"
-- warning  = "not has_default and ahead_s <= warn_s"
-- note     = "ahead_s <= warn_s"
-- finding  = "the last partition of {schema}.{name} {detail}"
-- remedy   = "{remedy}"
-- why      = "A row beyond the last partition finds no partition: its INSERT fails, or it goes to the default partition."
-- source   = "the highest upper bound in pg_class.relpartbound before a gap that is not over; partitions that cover less than a week need to be ahead only by three times their own length"
-- ignore   = "A table that gets no new rows. A table whose last partition ended more than 90 days ago is considered an archive."
-- [[check]]
-- name     = "detach-pending"
-- object   = "{part}"
-- only     = "reason = 'detach'"
-- warning  = "reason = 'detach'"
-- finding  = "DETACH PARTITION CONCURRENTLY of {part} from {schema}.{name} was interrupted"
-- remedy   = "{remedy}"
-- why      = "Queries on the partitioned table no longer see the rows, but the partition still belongs to it, and no other partition can be detached concurrently."
-- source   = "pg_inherits.inhdetachpending"
WITH RECURSIVE parted AS (
    -- The operator class shows the type of the first column of the key, even if that is an expression or has a domain type.
    SELECT p.partrelid AS oid, p.partstrat,
           CASE q.opcintype WHEN 'pg_catalog.date'::regtype THEN 'date' WHEN 'pg_catalog.timestamp'::regtype THEN 'timestamp' WHEN 'pg_catalog.timestamptz'::regtype THEN 'timestamptz' END AS type,
           p.partdefid AS default_oid  -- pg11..
           0::oid AS default_oid  -- pg..10
    FROM pg_catalog.pg_partitioned_table p
    JOIN pg_catalog.pg_opclass q ON q.oid = p.partclass[0]
), dated AS (
    SELECT d.oid, d.type, d.default_oid FROM parted d WHERE d.partstrat = 'r' AND d.type IS NOT NULL
), bounds AS (
    -- Bounds contain no columns, so they can be printed without their table, which then is not locked.
    SELECT h.inhparent AS parent, c.oid, d.type,
           -- Of each bound: the value of the first column, or what stands instead of it; MAXVALUE in the second column; the others.
           pg_catalog.regexp_matches(pg_catalog.pg_get_expr(c.relpartbound, 0),
                                     '^FOR VALUES FROM \((?:''([^'']*)''|(MINVALUE|MAXVALUE))(, MAXVALUE)?((?:, (?:''(?:[^'']|'''')*''|[^'', ]+))*)\) TO '
                                     '\((?:''([^'']*)''|(MINVALUE|MAXVALUE))(, MAXVALUE)?((?:, (?:''(?:[^'']|'''')*''|[^'', ]+))*)\)$') AS bound
    FROM dated d
    JOIN pg_catalog.pg_inherits h ON h.inhparent = d.oid
    JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
    WHERE c.oid <> d.default_oid
), edges AS (
    -- MAXVALUE after a date is the end of that day.
    SELECT b.parent, b.oid,
           CASE WHEN b.bound[1] IS NOT NULL THEN b.bound[1]::timestamptz + CASE WHEN b.type = 'date' AND b.bound[3] IS NOT NULL THEN '1 day' ELSE '0' END::interval END AS low,
           CASE WHEN b.bound[5] IS NOT NULL THEN b.bound[5]::timestamptz + CASE WHEN b.type = 'date' AND b.bound[7] IS NOT NULL THEN '1 day' ELSE '0' END::interval
                WHEN b.bound[6] = 'MAXVALUE' THEN 'infinity'::timestamptz END AS high,
           b.bound[1] AS low_text, b.bound[5] AS high_text, b.type = 'date' AND b.bound[7] IS NOT NULL AS is_whole_day,
           pg_catalog.quote_literal(b.bound[5]) || coalesce(b.bound[7], '') || coalesce(b.bound[8], '') AS high_bound
    FROM bounds b
), newest AS (
    -- The last partition before the first gap that is not over.
    SELECT DISTINCT ON (e.parent) e.parent, e.low, e.high, e.high_text, e.is_whole_day, e.high_bound, e.next_text
    FROM (SELECT e.*, pg_catalog.lead(e.low) OVER w AS next_low, pg_catalog.lead(e.low_text) OVER w AS next_text
          FROM edges e
          WHERE e.high IS NOT NULL
          WINDOW w AS (PARTITION BY e.parent ORDER BY e.low NULLS FIRST, e.high)) AS e
    WHERE e.next_low IS NULL OR e.next_low > greatest(e.high, pg_catalog.now())
    ORDER BY e.parent, e.high, e.oid
), ahead AS (
    SELECT w.parent, w.high_text, w.is_whole_day, w.high_bound, w.next_text,
           CASE WHEN pg_catalog.isfinite(w.high) THEN extract(epoch FROM w.high - pg_catalog.now())::float8 END AS seconds,
           CASE WHEN pg_catalog.isfinite(w.high) AND pg_catalog.isfinite(w.low) THEN extract(epoch FROM w.high - w.low)::float8 ELSE 604800 END AS width
    FROM newest w
    -- A partition that is itself partitioned is complete when its partitions reach its own end, and gets no new rows after that.
    WHERE NOT EXISTS (SELECT FROM edges o WHERE o.oid = w.parent AND o.high <= greatest(w.high, pg_catalog.now()))
), filled (root, oid) AS (
    SELECT d.oid, d.default_oid FROM parted d WHERE d.default_oid <> 0
    UNION ALL
    SELECT f.root, h.inhrelid FROM filled f JOIN pg_catalog.pg_inherits h ON h.inhparent = f.oid
), rows AS (
    -- Rows counted since the last crash are newer than what the last VACUUM or ANALYZE found.
    SELECT x.root, pg_catalog.sum(CASE WHEN x.live > 0 OR x.dead > 0 THEN x.live ELSE greatest(x.reltuples, 0)::int8 END)::int8 AS rows
    FROM (SELECT f.root, c.reltuples, pg_catalog.pg_stat_get_live_tuples(c.oid) AS live, pg_catalog.pg_stat_get_dead_tuples(c.oid) AS dead
          FROM filled f
          JOIN pg_catalog.pg_class c ON c.oid = f.oid AND c.relkind = 'r'
          -- Also as an array, so that the planner expects few.
          WHERE c.oid = ANY (ARRAY(SELECT g.oid FROM filled g))) AS x
    GROUP BY x.root
), answer (reason, parent, part, rows, has_default, ahead, width, high_text, is_whole_day, high_bound, next_text) AS (
    SELECT 'default', d.oid, d.default_oid, r.rows, NULL::bool, NULL::float8, NULL::float8, NULL::text, NULL::bool, NULL::text, NULL::text
    FROM parted d
    JOIN rows r ON r.root = d.oid
    WHERE r.rows > 0
    UNION ALL
    SELECT 'range', a.parent, NULL, NULL, d.default_oid <> 0, a.seconds, a.width, a.high_text, a.is_whole_day, a.high_bound, a.next_text
    FROM ahead a
    JOIN dated d ON d.oid = a.parent
    WHERE a.seconds BETWEEN -90 * 86400 AND 8 * 86400
    UNION ALL  -- pg14..
    -- A DETACH that is running locks both, or waits for the end of a transaction that has a lock on the partitioned table.
    SELECT 'detach', h.inhparent, h.inhrelid, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL  -- pg14..
    FROM pg_catalog.pg_inherits h  -- pg14..
    WHERE h.inhdetachpending  -- pg14..
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks l  -- pg14..
                      WHERE l.locktype = 'relation' AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())  -- pg14..
                        AND ((l.relation = h.inhrelid AND l.mode = 'AccessExclusiveLock')  -- pg14..
                             OR (l.relation = h.inhparent AND l.mode = 'ShareUpdateExclusiveLock')  -- pg14..
                             OR (l.relation = h.inhparent AND l.virtualtransaction IN (SELECT w.virtualxid FROM pg_catalog.pg_locks w WHERE w.locktype = 'virtualxid' AND w.mode = 'ShareLock' AND NOT w.granted))))  -- pg14..
)
SELECT a.reason, n.nspname::text AS schema, t.relname::text AS name, m.nspname::text || '.' || c.relname::text AS part,
       a.rows, a.has_default, a.ahead AS ahead_s, least(604800, 3 * a.width) AS warn_s, least(86400, a.width) AS crit_s, a.high_text AS upper_bound,
       CASE WHEN a.next_text IS NOT NULL THEN 'before a gap ' ELSE '' END
       || CASE WHEN a.ahead < 0 THEN 'ended ' ELSE 'ends ' END || CASE WHEN a.is_whole_day THEN 'with ' ELSE 'at ' END || a.high_text
       || CASE WHEN a.has_default THEN '; later rows go to the default partition' ELSE ', and there is no partition for later rows' END
       || CASE WHEN a.next_text IS NOT NULL THEN ' until ' || a.next_text ELSE '' END AS detail,
       CASE a.reason
           WHEN 'default' THEN 'move the rows to partitions of their own, for which the default partition must be detached first: ALTER TABLE ' || x.parent || ' DETACH PARTITION ' || x.part
           WHEN 'range' THEN 'CREATE TABLE ... PARTITION OF ' || x.parent || ' FOR VALUES FROM (' || a.high_bound || ') TO (...), and use a job that does this in advance'
           ELSE 'ALTER TABLE ' || x.parent || ' DETACH PARTITION ' || x.part || ' FINALIZE'
       END AS remedy
FROM answer a
JOIN pg_catalog.pg_class t ON t.oid = a.parent
JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace AND n.nspname !~ '^pg_temp_'
LEFT JOIN pg_catalog.pg_class c ON c.oid = a.part
LEFT JOIN pg_catalog.pg_namespace m ON m.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.relname) AS parent,
                           pg_catalog.quote_ident(m.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS part) AS x
ORDER BY a.reason, a.ahead, a.rows DESC, n.nspname, t.relname, a.part
