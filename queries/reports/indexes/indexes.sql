-- Indexes with their size, their use since the statistics began, and their definition.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- lock_timeout = "100ms"
-- retry   = ["55P03", "XX000"]
-- source  = "pg_index, pg_stat_all_indexes, pg_get_indexdef"
-- example = "pgkit indexes --group-partitions --sort total_bytes:desc --limit 10"
-- reading = "scans counts since the statistics were last reset, on this server only: a standby counts its own. An index that is never scanned still costs every write."
-- notes   = "pgkit index-problems shows which indexes can be dropped. With --group-partitions a partitioned index is one row, with the sums of its parts."
-- key     = ["schema", "name"]
-- doubt   = "state"
-- columns = ["schema text", "table text", "name text", "method text", "total_bytes int8", "scans int8 counter", "last_scan timestamptz", "rows_read int8 counter", "valid bool", "unique bool", "primary bool", "definition text", "members int8", "rows_fetched int8 counter", "state text"]
-- wide    = ["definition", "rows_fetched", "method", "rows_read", "last_scan", "primary", "unique", "members", "valid"]
-- usual   = { schema = "public", method = "btree", valid = "true", members = "1" }
-- [[param]]
-- name       = "pattern"
-- type       = "pattern[]"
-- positional = true
-- help       = "Tables or indexes to show, as in psql: name, schema.name, with * and ?"
-- [[param]]
-- name = "group_partitions"
-- type = "bool"
-- help = "Show a partitioned index as one row, with the sums of its parts"
-- [[param]]
-- name = "system"
-- type = "bool"
-- help = "Include the indexes of system catalogs and TOAST tables"
-- include patterns
-- include namespaces
), tree (oid, root) AS (
    -- From each partitioned index down to its parts.
    SELECT c.oid, c.oid
    FROM pg_catalog.pg_class c
    WHERE $3 AND c.relkind = 'I' AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid)
    UNION ALL
    SELECT h.inhrelid, t.root
    FROM tree t
    JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid
), exclusive (oid) AS (
-- include exclusive
), locked (oid) AS (
    SELECT e.oid FROM exclusive e
    UNION
    SELECT i.indexrelid FROM exclusive e JOIN pg_catalog.pg_index i ON i.indrelid = e.oid
), valued (classid, objid) AS (
    -- What uses the row type of a locked table: to write out a value of that type the server reads the table.
    SELECT 'pg_catalog.pg_type'::pg_catalog.regclass::oid, y.oid
    FROM pg_catalog.pg_type y
    JOIN locked l ON l.oid = y.typrelid
    UNION
    SELECT d.classid, d.objid
    FROM valued v
    JOIN pg_catalog.pg_depend d ON d.refclassid = v.classid AND d.refobjid = v.objid
), blocked (oid) AS MATERIALIZED (  -- pg12..
), blocked (oid) AS (  -- pg..11
    SELECT l.oid FROM locked l
    UNION
    SELECT v.objid FROM valued v WHERE v.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
), found AS (
    SELECT i.indexrelid, i.indrelid, i.indisunique, i.indisprimary, i.indisvalid AND i.indisready AND i.indislive AS valid,
           c.relkind, c.relname, c.relpages, n.nspname, n.of_users, r.relname AS table_name, m.amname,
           c.relkind = 'i' AND c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery() AS is_elsewhere,
           b.oid IS NOT NULL AS is_locked,
           c.reloptions IS NULL AND i.indexprs IS NULL AND i.indpred IS NULL
           AND NOT i.indnullsnotdistinct  -- pg15..
           AND i.indnkeyatts = i.indnatts  -- pg11..
           AS is_plain
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN namespaces n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_class r ON r.oid = i.indrelid
    JOIN pg_catalog.pg_am m ON m.oid = c.relam
    LEFT JOIN blocked b ON b.oid = c.oid
), roots AS (
    SELECT t.oid, f.*
    FROM tree t
    JOIN found f ON f.indexrelid = t.root
), chosen AS MATERIALIZED (  -- pg12..
), chosen AS (  -- pg..11
    SELECT f.*,
           coalesce(h.indexrelid, f.indexrelid) AS root, coalesce(h.relkind, f.relkind) AS root_kind,
           coalesce(h.nspname, f.nspname) AS root_schema, coalesce(h.table_name, f.table_name) AS root_table, coalesce(h.relname, f.relname) AS root_name,
           coalesce(h.indrelid, f.indrelid) AS root_table_oid, coalesce(h.is_locked, f.is_locked) AS is_root_locked, coalesce(h.is_plain, f.is_plain) AS is_root_plain
    FROM found f
    LEFT JOIN roots h ON h.oid = f.indexrelid
    WHERE CASE
            -- A pattern that names a schema searches that schema, even a system schema; a part belongs to what its partitioned index matches.
            WHEN $2 IS NOT NULL THEN EXISTS (
                SELECT FROM patterns x
                WHERE (CASE WHEN x.schema_regex IS NULL THEN f.of_users OR $4 ELSE f.nspname ~ (x.schema_regex COLLATE "default") END
                       AND (f.relname ~ (x.name_regex COLLATE "default") OR f.table_name ~ (x.name_regex COLLATE "default")))
                   OR (CASE WHEN x.schema_regex IS NULL THEN h.of_users OR $4 ELSE h.nspname ~ (x.schema_regex COLLATE "default") END
                       AND (h.relname ~ (x.name_regex COLLATE "default") OR h.table_name ~ (x.name_regex COLLATE "default"))))
            ELSE f.of_users OR $4
          END
), counted AS MATERIALIZED (  -- pg12..
), counted AS (  -- pg..11
    -- The size is NULL where an index went away meanwhile. The size of a locked relation is not asked for, since the answer would wait. Where nothing
    -- is counted, 0 scans mean nothing.
    SELECT c.*,
           CASE WHEN c.relkind = 'i' AND NOT c.is_elsewhere THEN
               CASE WHEN c.is_locked THEN nullif(c.relpages, 0) * pg_catalog.current_setting('block_size')::int8
                    ELSE pg_catalog.pg_total_relation_size(c.indexrelid) END END AS total,
           CASE WHEN c.relkind = 'i' AND (s.counts OR u.scans > 0) THEN u.scans END AS scans,
           CASE WHEN c.relkind = 'i' AND (s.counts OR u.rows_read > 0) THEN u.rows_read END AS rows_read,
           CASE WHEN c.relkind = 'i' AND (s.counts OR u.rows_fetched > 0) THEN u.rows_fetched END AS rows_fetched,
           u.last_scan
    FROM chosen c
    CROSS JOIN (SELECT pg_catalog.current_setting('track_counts')::bool AS counts) AS s
    CROSS JOIN LATERAL (
        SELECT pg_catalog.pg_stat_get_numscans(c.indexrelid) AS scans,
               pg_catalog.pg_stat_get_lastscan(c.indexrelid) AS last_scan,  -- pg16..
               NULL::timestamptz AS last_scan,  -- pg..15
               pg_catalog.pg_stat_get_tuples_returned(c.indexrelid) AS rows_read,
               pg_catalog.pg_stat_get_tuples_fetched(c.indexrelid) AS rows_fetched
        OFFSET 0
    ) AS u
), added AS (
    SELECT c.root, c.root_schema, c.root_table, c.root_name, c.root_table_oid, c.root_kind, c.is_root_locked, c.is_root_plain AS is_plain, c.amname,
           pg_catalog.sum(c.total)::int8 AS total, pg_catalog.sum(c.scans)::int8 AS scans, pg_catalog.max(c.last_scan) AS last_scan,
           pg_catalog.sum(c.rows_read)::int8 AS rows_read, pg_catalog.sum(c.rows_fetched)::int8 AS rows_fetched,
           pg_catalog.bool_and(c.valid) AS valid, pg_catalog.bool_and(c.indisunique) AS is_unique, pg_catalog.bool_or(c.indisprimary) AS is_primary,
           pg_catalog.count(*) FILTER (WHERE c.relkind = 'i') AS members,
           CASE
               WHEN pg_catalog.bool_or(c.is_locked) THEN 'locked'
               WHEN pg_catalog.bool_or(c.is_elsewhere) THEN 'unlogged'
               WHEN pg_catalog.bool_and(c.relkind = 'i' AND c.total IS NULL) THEN 'gone'
               ELSE ''
           END AS state
    FROM counted c
    GROUP BY c.root, c.root_schema, c.root_table, c.root_name, c.root_table_oid, c.root_kind, c.is_root_locked, c.is_root_plain, c.amname
), keys AS (
    -- pg_get_indexdef reads the table, so it would wait for a lock, and it takes most of the time. The columns of most indexes
    -- have nothing to add to their names.
    SELECT d.root, k.columns, k.is_plain
    FROM (
        SELECT a.root, i.indrelid, i.indkey, i.indoption, i.indcollation, i.indclass
        FROM added a
        JOIN pg_catalog.pg_index i ON i.indexrelid = a.root
        WHERE a.is_plain
          AND (SELECT pg_catalog.bool_or(e.attoptions IS NOT NULL) FROM pg_catalog.pg_attribute e WHERE e.attrelid = a.root) IS NOT true  -- pg13..
        OFFSET 0
    ) AS d
    CROSS JOIN LATERAL (
        -- LATERAL looks up the columns index by index. The planner expects many indexes, and would read all of pg_attribute.
        SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY k.position) AS columns,
               pg_catalog.bool_and(d.indoption[k.position - 1] = 0 AND d.indcollation[k.position - 1] = a.attcollation AND o.opcdefault
                                   AND (o.opcintype = a.atttypid OR (o.opcintype = 'text'::regtype AND a.atttypid = 'varchar'::regtype))) AS is_plain
        FROM pg_catalog.unnest(d.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = d.indrelid AND a.attnum = k.attnum
        JOIN pg_catalog.pg_opclass o ON o.oid = d.indclass[k.position - 1]
    ) AS k
), defined AS MATERIALIZED (  -- pg12..
), defined AS (  -- pg..11
    SELECT a.*,
           CASE WHEN k.is_plain
                THEN 'CREATE ' || CASE WHEN a.is_unique THEN 'UNIQUE ' ELSE '' END || 'INDEX ' || pg_catalog.quote_ident(a.root_name)
                     || ' ON ' || CASE WHEN a.root_kind = 'I' THEN 'ONLY ' ELSE '' END
                     || pg_catalog.quote_ident(a.root_schema) || '.' || pg_catalog.quote_ident(a.root_table)
                     || ' USING ' || pg_catalog.quote_ident(a.amname) || ' (' || k.columns || ')'
                WHEN NOT a.is_root_locked AND pg_catalog.has_table_privilege(a.root_table_oid, 'SELECT') IS NOT NULL
                THEN pg_catalog.pg_get_indexdef(a.root) END AS definition
    FROM added a
    LEFT JOIN keys k ON k.root = a.root
)
SELECT d.root_schema::text AS schema, d.root_table::text AS "table", d.root_name::text AS name, d.amname::text AS method,
       d.total AS total_bytes, d.scans, d.last_scan, d.rows_read, d.valid, d.is_unique AS "unique", d.is_primary AS "primary",
       d.definition, d.members, d.rows_fetched, d.state
FROM defined d
ORDER BY d.root_schema, d.root_table, d.root_name
