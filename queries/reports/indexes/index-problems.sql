-- Indexes that are broken, that could go, and that are missing, each with its remedy.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- lock_timeout = "100ms"
-- retry   = ["55P03", "XX000"]
-- source  = "pg_index, pg_constraint, the statistics of tables and indexes"
-- example = "pgkit index-problems --reason duplicate --reason covered"
-- reading = "Drop what is unused only if the statistics have seen every job since then, the index is not new, and no standby uses it (each counts its own scans). Run one remedy, then look again."
-- notes   = "total_bytes is the size of the index, or that of the table if an index is missing. pgkit statements shows the statements that read such a table."
-- key     = ["reason", "schema", "table", "name"]
-- columns = ["reason text", "schema text", "table text", "name text", "total_bytes int8", "scans int8 counter", "detail text", "remedy text", "since timestamptz"]
-- wide    = ["since", "scans", "remedy", "detail"]
-- usual   = { schema = "public" }
-- [[param]]
-- name       = "pattern"
-- type       = "pattern[]"
-- positional = true
-- help       = "Tables or indexes to judge, as in psql: name, schema.name, with * and ?"
-- [[param]]
-- name    = "reason"
-- type    = "text[]"
-- metavar = "REASON"
-- one_of  = ["invalid", "unused", "duplicate", "covered", "foreign key", "missing"]
-- help    = "Show only findings of this reason"
-- [[param]]
-- name    = "min_rows"
-- type    = "int8"
-- default = "10000"
-- metavar = "ROWS"
-- help    = "How many rows a table must have before an index can be missing on it"
-- [[param]]
-- name = "system"
-- type = "bool"
-- help = "Include system catalogs, and tables that belong to an extension"
-- include patterns
), here (oid, since) AS (
    -- From 15 on, a database's statistics have no beginning until somebody resets them: they began with the cluster's then.
    SELECT d.oid, coalesce(pg_catalog.pg_stat_get_db_stat_reset_time(d.oid), pg_catalog.pg_stat_get_bgwriter_stat_reset_time())
    FROM pg_catalog.pg_database d
    WHERE d.datname = pg_catalog.current_database()
), since (began, says) AS (
    SELECT h.since,
           CASE
               WHEN a.minutes < 120 THEN pg_catalog.trunc(a.minutes)::text || ' minutes'
               WHEN a.minutes < 2880 THEN pg_catalog.trunc(a.minutes / 60)::text || ' hours'
               WHEN a.minutes IS NOT NULL THEN pg_catalog.trunc(a.minutes / 1440)::text || ' days'
               ELSE 'an unknown time'
           END
    FROM here h
    CROSS JOIN LATERAL (SELECT (extract(epoch FROM pg_catalog.now() - h.since) / 60)::numeric AS minutes) AS a
), namespaces AS (
    SELECT n.oid, n.nspname, n.nspname ~ '^pg_toast' AS is_toast,
           n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_toast' AS of_users
    FROM pg_catalog.pg_namespace n
    WHERE n.nspname !~ '^pg_temp_' AND n.nspname !~ '^pg_toast_temp_'
), tables AS (
    SELECT c.oid, c.relname, c.relkind, c.relpages, c.reltuples, c.reltoastrelid, n.nspname, n.is_toast,
           pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name,
           $5 OR (n.of_users AND e.objid IS NULL) AS is_judged,
           CASE WHEN c.reltuples > 0 THEN c.reltuples::int8 END AS counted
    FROM pg_catalog.pg_class c
    JOIN namespaces n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_depend e ON e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = c.oid AND e.objsubid = 0
                                     AND e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND e.deptype = 'e'
    WHERE c.relkind IN ('r', 'p', 'm', 't', 'f')
), exclusive (oid) AS (
-- include exclusive
), locked (oid) AS MATERIALIZED (  -- pg12..
), locked (oid) AS (  -- pg..11
    SELECT e.oid FROM exclusive e
    UNION
    SELECT i.indexrelid FROM exclusive e JOIN pg_catalog.pg_index i ON i.indrelid = e.oid
), building (index_oid, table_oid) AS (
    -- Who builds or drops an index concurrently keeps a lock on it meanwhile.
    SELECT l.relation, NULL
    FROM pg_catalog.pg_locks l
    WHERE l.locktype = 'relation' AND l.database = (SELECT h.oid FROM here h)
      AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    UNION
    -- The first build of one locks only the table, as VACUUM does.
    SELECT NULL, l.relation
    FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_stat_progress_create_index p ON p.pid = l.pid  -- pg12..
    WHERE l.locktype = 'relation' AND l.database = (SELECT h.oid FROM here h)
      AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock') AND l.pid NOT IN (SELECT v.pid FROM pg_catalog.pg_stat_progress_vacuum v)  -- pg..11
), attached (oid, parent) AS (
    SELECT h.inhrelid, h.inhparent
    FROM pg_catalog.pg_inherits h
    JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
    WHERE c.relkind IN ('i', 'I')
), index_tree (oid, root) AS (
    -- From each partitioned index down to its parts.
    SELECT c.oid, c.oid
    FROM pg_catalog.pg_class c
    WHERE c.relkind = 'I' AND c.oid NOT IN (SELECT h.inhrelid FROM pg_catalog.pg_inherits h)
    UNION ALL
    SELECT a.oid, t.root
    FROM index_tree t
    JOIN attached a ON a.parent = t.oid
), table_tree (oid, above) AS (
    -- Each partition under each partitioned table above it.
    SELECT h.inhrelid, h.inhparent
    FROM pg_catalog.pg_inherits h
    JOIN pg_catalog.pg_class c ON c.oid = h.inhparent AND c.relkind = 'p'
    UNION ALL
    SELECT h.inhrelid, t.above
    FROM table_tree t
    JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid
), indexes AS (
    SELECT i.indexrelid AS oid, i.indrelid, c.relkind, c.relname, c.relpages, c.relpersistence, m.amname, t.nspname, t.relname AS table_name, t.relkind AS table_kind, t.name AS full_table,
           pg_catalog.quote_ident(t.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name,
           t.is_judged, t.is_toast, coalesce(r.root, i.indexrelid) AS root, a.parent,
           ((i.indkey::int2[])[0 : k.keys - 1])::int8[] AS keys, k.keys AS key_count,
           ARRAY(SELECT x.n FROM pg_catalog.unnest((i.indkey::int2[])[k.keys:]) AS x (n) ORDER BY x.n) AS included,
           (i.indclass::oid[])[0 : k.keys - 1] AS classes, (i.indcollation::oid[])[0 : k.keys - 1] AS collations, (i.indoption::int2[])[0 : k.keys - 1] AS options,
           -- Where in the statement an expression stood tells nothing.
           pg_catalog.regexp_replace(i.indexprs::text, ' :location -?[0-9]+', '', 'g') AS expressions,
           pg_catalog.regexp_replace(i.indpred::text, ' :location -?[0-9]+', '', 'g') AS predicate,
           -- The options of the operator classes, and those of access methods whose options change what an index can do.
           CASE WHEN m.amname NOT IN ('btree', 'hash') THEN pg_catalog.concat_ws(
               ' ',
               CASE WHEN m.amname NOT IN ('gist', 'gin', 'spgist') THEN pg_catalog.array_to_string(c.reloptions, ' ') END,
               (SELECT pg_catalog.string_agg(x.attnum::text || ' ' || o.option, ' ' ORDER BY x.attnum, o.option)
                FROM pg_catalog.pg_attribute x
                CROSS JOIN LATERAL pg_catalog.unnest(x.attoptions) AS o (option)
                WHERE x.attrelid = i.indexrelid AND o.option !~ '^pg_')) END AS settings,
           i.indisunique AS is_unique, i.indisprimary AS is_primary, i.indisexclusion AS is_exclusion, i.indimmediate AS is_immediate,
           i.indisclustered AS is_clustered, i.indisreplident AS is_identity,
           i.indnullsnotdistinct AS is_strict,  -- pg15..
           false AS is_strict,  -- pg..14
           i.indisvalid AND i.indisready AND i.indislive AS is_valid, i.indisready AS is_ready, i.indislive AS is_live,
           n.oid AS con, n.contype, n.conname, n.conexclop,
           CASE WHEN c.relkind = 'i' AND (s.counts OR s.scans > 0) THEN s.scans END AS scans
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN tables t ON t.oid = i.indrelid
    JOIN pg_catalog.pg_am m ON m.oid = c.relam
    LEFT JOIN attached a ON a.oid = i.indexrelid
    LEFT JOIN index_tree r ON r.oid = i.indexrelid
    LEFT JOIN pg_catalog.pg_constraint n ON n.conindid = i.indexrelid AND n.conrelid = i.indrelid AND n.contype IN ('p', 'u', 'x')
    CROSS JOIN LATERAL (SELECT i.indnkeyatts AS keys) AS k  -- pg11..
    CROSS JOIN LATERAL (SELECT i.indnatts AS keys) AS k  -- pg..10
    CROSS JOIN LATERAL (SELECT pg_catalog.current_setting('track_counts')::bool AS counts, pg_catalog.pg_stat_get_numscans(i.indexrelid) AS scans OFFSET 0) AS s
    -- The only index of a TOAST table is the system's own; what an interrupted REINDEX leaves there is not.
    WHERE t.is_judged OR (t.is_toast AND NOT i.indisvalid)
), alike AS (
    SELECT i.oid, pg_catalog.count(*) OVER w AS members, pg_catalog.min(i.oid::int8) OVER w AS class
    FROM indexes i
    WHERE NOT i.is_toast
    WINDOW w AS (PARTITION BY i.indrelid, i.amname, i.keys, i.included, i.classes, i.collations, i.options, i.expressions COLLATE "C", i.predicate COLLATE "C", i.settings COLLATE "C")
-- include equal_indexes
    WHERE a.members > 1 AND i.is_valid
), duplicates AS (
    -- A unique index is given up only for one that forbids as much.
    SELECT DISTINCT ON (p.oid) p.oid, p.dependents, p.kept, p.kept_root, p.by_unique
    FROM (SELECT d.oid, d.dependents, k.name AS kept, k.root AS kept_root, k.is_unique AND NOT d.is_unique AS by_unique, k.place,
                 k.place < d.place
                 AND CASE
                       WHEN d.is_exclusion THEN k.is_exclusion AND k.conexclop::text = d.conexclop::text AND (k.is_immediate OR NOT d.is_immediate)
                       WHEN d.is_unique THEN k.is_unique AND NOT k.is_exclusion AND k.is_strict = d.is_strict AND (k.is_immediate OR NOT d.is_immediate)
                       ELSE true
                     END AS serves
          FROM ranked d
          JOIN ranked k ON k.class = d.class
          WHERE d.parent IS NULL AND NOT d.is_identity
          OFFSET 0) AS p
    WHERE p.serves
    ORDER BY p.oid, p.place
), prefixes AS (
    -- B-trees that begin with all that another one has.
    SELECT p.oid, p.root, p.long_oid, p.long_root, p.long_name, p.key_count
    FROM (SELECT s.oid, s.root, l.oid AS long_oid, l.root AS long_root, l.name AS long_name, l.key_count,
                 s.amname = 'btree' AND s.is_valid AND NOT s.is_unique AND NOT s.is_identity AND NOT s.is_clustered AND s.con IS NULL AND s.parent IS NULL AND pg_catalog.cardinality(s.included) = 0
                 AND l.oid <> s.oid AND l.amname = 'btree' AND l.is_valid
                 AND (l.key_count > s.key_count OR (l.key_count = s.key_count AND pg_catalog.cardinality(l.included) > 0))
                 AND l.keys[1 : s.key_count]::text = s.keys::text AND l.classes[1 : s.key_count]::text = s.classes::text
                 AND l.collations[1 : s.key_count]::text = s.collations::text AND l.options[1 : s.key_count]::text = s.options::text
                 AND l.predicate COLLATE "C" IS NOT DISTINCT FROM s.predicate
                 -- The expressions of the shorter one are the first of the longer one's.
                 AND (s.expressions IS NULL
                      OR (pg_catalog.left(l.expressions, pg_catalog.length(s.expressions) - 1) COLLATE "C" = pg_catalog.left(s.expressions, -1)
                          AND pg_catalog.substr(l.expressions, pg_catalog.length(s.expressions), 1) COLLATE "C" IN (' ', ')')))
                 AND s.oid NOT IN (SELECT d.oid FROM duplicates d) AND l.oid NOT IN (SELECT d.oid FROM duplicates d) AS fits
          FROM indexes s
          JOIN indexes l ON l.indrelid = s.indrelid
          OFFSET 0) AS p
    WHERE p.fits
), never AS (
    SELECT n.root
    FROM (SELECT i.root,
                 pg_catalog.max(i.scans) = 0
                 AND NOT pg_catalog.bool_or(i.is_unique OR i.is_exclusion OR i.is_identity OR i.is_clustered OR i.con IS NOT NULL OR i.is_toast OR NOT i.is_valid)
                 -- ANALYZE gathers statistics of an expression for its index, and the planner uses them without a scan.
                 AND NOT pg_catalog.bool_or(i.expressions IS NOT NULL) AS fits
          FROM indexes i
          GROUP BY i.root
          OFFSET 0) AS n
    WHERE n.fits
), totals (root, scans) AS (
    SELECT i.root, pg_catalog.sum(i.scans)::int8
    FROM indexes i
    GROUP BY i.root
), weighed AS MATERIALIZED (  -- pg12..
), weighed AS (  -- pg..11
    -- The size of a locked relation is not asked for, since the answer would wait.
    SELECT x.root,
           CASE WHEN l.oid IS NULL THEN pg_catalog.pg_total_relation_size(x.oid) ELSE nullif(x.relpages, 0) * pg_catalog.current_setting('block_size')::int8 END AS size
    FROM indexes x
    LEFT JOIN locked l ON l.oid = x.oid
    WHERE x.relkind = 'i' AND NOT (x.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
      AND (NOT x.is_valid OR x.root IN (SELECT d.oid FROM duplicates d UNION ALL SELECT p.root FROM prefixes p UNION ALL SELECT p.long_root FROM prefixes p UNION ALL SELECT n.root FROM never n))
), sizes (root, size) AS (
    SELECT w.root, pg_catalog.sum(w.size)::int8
    FROM weighed w
    GROUP BY w.root
), covered AS (
    -- Of several that cover it, the longest, which none of the others covers. A much narrower index is read faster, so it may
    -- be wanted.
    SELECT DISTINCT ON (p.oid) p.oid, p.long_name, p.long_root
    FROM prefixes p
    LEFT JOIN sizes s ON s.root = p.root
    LEFT JOIN sizes l ON l.root = p.long_root
    WHERE (l.size > 4 * s.size) IS NOT true
    ORDER BY p.oid, p.key_count DESC, p.long_oid
), keys AS (
    -- Foreign keys that are checked, with those of partitions under their root's. What stands on the side of a referenced
    -- partition has the same table on both levels.
    SELECT c.oid, c.oid AS top, c.conrelid
    FROM pg_catalog.pg_constraint c
    JOIN tables t ON t.oid = c.conrelid AND t.is_judged
    WHERE c.contype = 'f'
      AND c.conparentid = 0  -- pg11..
      AND c.conenforced  -- pg18..
    UNION ALL  -- pg11..
    SELECT c.oid, k.top, c.conrelid  -- pg11..
    FROM keys k  -- pg11..
    JOIN pg_catalog.pg_constraint c ON c.conparentid = k.oid AND c.contype = 'f' AND c.conrelid <> k.conrelid  -- pg11..
), checked AS (
    SELECT k.oid, k.top, c.conrelid, c.confrelid, x.count, (c.conkey[1 : x.count])::int8[] AS columns, c.conpfeqop[1 : x.count] AS operators
    FROM keys k
    JOIN pg_catalog.pg_constraint c ON c.oid = k.oid
    JOIN tables t ON t.oid = c.conrelid AND t.relkind = 'r'
    -- The period at the end of a temporal key is not compared by equality.
    CROSS JOIN LATERAL (SELECT pg_catalog.cardinality(c.conkey) - CASE WHEN c.conperiod THEN 1 ELSE 0 END AS count) AS x  -- pg18..
    CROSS JOIN LATERAL (SELECT pg_catalog.cardinality(c.conkey) AS count) AS x  -- pg..17
    WHERE x.count > 0
), searched (class, operator) AS (
    -- The operators by which an index of an operator class can be searched, from either side.
    SELECT q.oid, e.amopopr
    FROM pg_catalog.pg_opclass q
    JOIN pg_catalog.pg_amop e ON e.amopfamily = q.opcfamily
    UNION ALL
    SELECT q.oid, o.oprcom
    FROM pg_catalog.pg_opclass q
    JOIN pg_catalog.pg_amop e ON e.amopfamily = q.opcfamily
    JOIN pg_catalog.pg_operator o ON o.oid = e.amopopr
), serving AS (
    -- A GIN index can begin with any column. A partial index serves where it leaves out only NULLs of the key.
    SELECT p.oid, p.index_oid, p.root
    FROM (SELECT c.oid, i.oid AS index_oid, i.root, c.conrelid, c.count, c.columns, c.operators, i.keys, i.classes, i.collations,
                 i.is_valid
                 AND CASE
                       WHEN i.amname IN ('btree', 'gist', 'spgist') THEN i.key_count >= c.count AND i.keys[1 : c.count] @> c.columns AND i.keys[1 : c.count] <@ c.columns
                       WHEN i.amname = 'hash' THEN i.keys::text = c.columns::text
                       WHEN i.amname = 'gin' THEN i.keys @> c.columns
                       ELSE false
                     END
                 AND (i.predicate IS NULL
                      OR (i.predicate ~ '^(\{BOOLEXPR :boolop and :args \()?(\{NULLTEST :arg \{VAR [^{}]*\} :nulltesttype 1 [^{}]*\} ?)+(\)\})?$'
                          AND c.columns @> ARRAY(SELECT m.found[1]::int8 FROM pg_catalog.regexp_matches(i.predicate, ':varattno ([0-9]+)', 'g') AS m (found)))) AS fits
          FROM checked c
          JOIN indexes i ON i.indrelid = c.conrelid
          OFFSET 0) AS p
    WHERE p.fits
      AND NOT EXISTS (
          SELECT
          FROM pg_catalog.generate_series(1, p.count) AS n (n)
          CROSS JOIN LATERAL (SELECT pg_catalog.array_position(p.keys, p.columns[n.n]) AS at) AS k
          JOIN pg_catalog.pg_attribute a ON a.attrelid = p.conrelid AND a.attnum = p.columns[n.n]
          WHERE p.collations[k.at] NOT IN (0, a.attcollation)
             OR (p.classes[k.at], p.operators[n.n]) NOT IN (SELECT e.class, e.operator FROM searched e))
), guards AS (
    -- Of the indexes that serve a foreign key's check, the one to keep.
    SELECT DISTINCT ON (s.oid) s.oid, i.root
    FROM serving s
    JOIN indexes i ON i.oid = s.index_oid
    ORDER BY s.oid, i.root IN (SELECT d.oid FROM duplicates d) OR i.root IN (SELECT c.oid FROM covered c),
             coalesce(i.scans, 0) > 0 DESC, i.is_unique OR i.is_identity OR i.is_clustered DESC, i.root
), use AS (
    SELECT t.oid, t.relkind, t.relpages, t.counted, coalesce(r.root, t.oid) AS root,
           s.live, s.seq_scans, s.seq_rows, coalesce(x.scans, 0) AS index_scans, s.deleted, s.updated
    FROM tables t
    -- The topmost partitioned table above it.
    LEFT JOIN (
        SELECT x.oid, x.above AS root FROM table_tree x WHERE x.above NOT IN (SELECT h.inhrelid FROM pg_catalog.pg_inherits h)
    ) AS r ON r.oid = t.oid
    LEFT JOIN (SELECT i.indrelid, pg_catalog.sum(i.scans)::int8 AS scans FROM indexes i GROUP BY i.indrelid) AS x ON x.indrelid = t.oid
    CROSS JOIN LATERAL (
        SELECT greatest(t.counted, nullif(pg_catalog.pg_stat_get_live_tuples(t.oid), 0)) AS live,
               pg_catalog.pg_stat_get_numscans(t.oid) AS seq_scans, pg_catalog.pg_stat_get_tuples_returned(t.oid) AS seq_rows,
               pg_catalog.pg_stat_get_tuples_deleted(t.oid) AS deleted, pg_catalog.pg_stat_get_tuples_updated(t.oid) AS updated
        OFFSET 0
    ) AS s
    WHERE t.relkind IN ('r', 'm') AND t.is_judged
), lacking AS (
    SELECT c.top, pg_catalog.count(*) AS leaves, pg_catalog.count(*) FILTER (WHERE v.oid IS NULL) AS unserved
    FROM checked c
    LEFT JOIN (SELECT DISTINCT s.oid FROM serving s) AS v ON v.oid = c.oid
    GROUP BY c.top
    HAVING pg_catalog.bool_or(v.oid IS NULL)
), scanned AS (
    -- Tables that are mostly read from one end to the other, more often than once an hour. A parallel scan counts once for
    -- each process, with that one's share of the rows.
    SELECT u.root, pg_catalog.sum(u.seq_scans)::int8 AS seq_scans, pg_catalog.sum(u.index_scans)::int8 AS index_scans,
           (pg_catalog.sum(u.seq_rows) / pg_catalog.sum(u.seq_scans))::int8 AS rows_each, pg_catalog.sum(u.live)::int8 AS live
    FROM use u
    CROSS JOIN since n
    GROUP BY u.root
    HAVING pg_catalog.sum(u.live) >= coalesce($4, 10000)
       AND pg_catalog.sum(u.seq_scans) >= greatest(50, pg_catalog.max(extract(epoch FROM pg_catalog.now() - n.began) / 3600)::numeric)
       AND pg_catalog.sum(u.seq_scans) > pg_catalog.sum(u.index_scans)
       AND pg_catalog.sum(u.seq_rows) / pg_catalog.sum(u.seq_scans) >= pg_catalog.avg(u.live) / 5
), measured AS MATERIALIZED (  -- pg12..
), measured AS (  -- pg..11
    SELECT x.top, x.root, pg_catalog.sum(CASE WHEN l.oid IS NULL THEN pg_catalog.pg_relation_size(u.oid) ELSE nullif(u.relpages, 0) * pg_catalog.current_setting('block_size')::int8 END)::int8 AS size,
           pg_catalog.sum(u.live)::int8 AS live
    FROM (SELECT k.top, NULL::oid AS root, k.conrelid AS oid FROM keys k WHERE k.top IN (SELECT g.top FROM lacking g)
          UNION ALL
          SELECT NULL, u.root, u.oid FROM use u WHERE u.root IN (SELECT s.root FROM scanned s)) AS x
    JOIN use u ON u.oid = x.oid
    LEFT JOIN locked l ON l.oid = u.oid
    GROUP BY x.top, x.root
), halves AS (
    -- Partitioned indexes that were made by ON ONLY, with what each partition has of them.
    SELECT i.oid, pg_catalog.count(*) AS parts,
           pg_catalog.count(*) FILTER (WHERE p.relkind <> 'f' AND c.oid IS NULL) AS missing,
           pg_catalog.count(*) FILTER (WHERE p.relkind = 'f') AS foreigners,
           pg_catalog.count(*) FILTER (WHERE NOT c.is_valid) AS invalid,
           (pg_catalog.array_agg(p.oid ORDER BY p.name COLLATE "C") FILTER (WHERE p.relkind <> 'f' AND c.oid IS NULL))[1] AS bare,
           pg_catalog.min(c.name COLLATE "C") AS attached
    FROM indexes i
    JOIN pg_catalog.pg_inherits h ON h.inhparent = i.indrelid
    JOIN tables p ON p.oid = h.inhrelid
    LEFT JOIN indexes c ON c.parent = i.oid AND c.indrelid = p.oid
    WHERE i.relkind = 'I' AND NOT i.is_valid
    GROUP BY i.oid
), fitting AS (
    -- An index that stands on such a partition already, and only has to be attached.
    SELECT p.oid, pg_catalog.min(p.name COLLATE "C") AS name
    FROM (SELECT i.oid, i.indrelid, i.keys, i.included, m.name, m.indrelid AS part_oid, m.keys AS part_keys, m.included AS part_included,
                 m.parent IS NULL AND m.is_valid AND m.amname = i.amname AND m.classes::text = i.classes::text AND m.collations::text = i.collations::text AND m.options::text = i.options::text
                 AND m.is_unique = i.is_unique AND m.is_strict = i.is_strict AND m.contype IS NOT DISTINCT FROM i.contype
                 AND m.expressions COLLATE "C" IS NOT DISTINCT FROM i.expressions AND m.predicate COLLATE "C" IS NOT DISTINCT FROM i.predicate AS fits,
                 i.expressions IS NOT NULL OR i.predicate IS NOT NULL AS by_number
          FROM halves h
          JOIN indexes i ON i.oid = h.oid
          JOIN indexes m ON m.indrelid = h.bare
          OFFSET 0) AS p
    WHERE p.fits
      AND ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(p.part_keys) WITH ORDINALITY AS k (n, at) JOIN pg_catalog.pg_attribute a ON a.attrelid = p.part_oid AND a.attnum = k.n ORDER BY k.at)::text
        = ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(p.keys) WITH ORDINALITY AS k (n, at) JOIN pg_catalog.pg_attribute a ON a.attrelid = p.indrelid AND a.attnum = k.n ORDER BY k.at)::text
      AND ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(p.part_included) AS k (n) JOIN pg_catalog.pg_attribute a ON a.attrelid = p.part_oid AND a.attnum = k.n ORDER BY a.attname)::text
        = ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(p.included) AS k (n) JOIN pg_catalog.pg_attribute a ON a.attrelid = p.indrelid AND a.attnum = k.n ORDER BY a.attname)::text
      -- Expressions refer to columns by number, so the numbers must be the same in both.
      AND NOT (p.by_number AND EXISTS (
          SELECT
          FROM pg_catalog.pg_attribute a
          JOIN pg_catalog.pg_attribute b ON b.attrelid = p.part_oid AND b.attname = a.attname
          WHERE a.attrelid = p.indrelid AND a.attnum > 0 AND a.attnum <> b.attnum))
    GROUP BY p.oid
), completed AS MATERIALIZED (  -- pg12..
), completed AS (  -- pg..11
    -- The next step towards a whole one: attach what is there, else make what is missing.
    SELECT h.oid, h.parts, h.missing, t.name AS bare,
           CASE
               WHEN f.name IS NOT NULL THEN 'ALTER INDEX ' || i.name || ' ATTACH PARTITION ' || f.name
               WHEN h.missing = 0 AND h.foreigners = 0 THEN 'ALTER INDEX ' || i.name || ' ATTACH PARTITION ' || h.attached
               WHEN h.missing = 0 OR l.oid IS NOT NULL OR pg_catalog.has_table_privilege(i.indrelid, 'SELECT') IS NULL THEN NULL
               WHEN i.con IS NOT NULL THEN 'ALTER TABLE ' || t.name || ' ADD ' || pg_catalog.pg_get_constraintdef(i.con)
               ELSE 'CREATE ' || u.word || 'INDEX ' || CASE WHEN t.relkind = 'p' THEN '' ELSE 'CONCURRENTLY ' END || 'ON ' || t.name
                    || pg_catalog.substr(pg_catalog.pg_get_indexdef(i.oid), pg_catalog.length('CREATE ' || u.word || 'INDEX ' || pg_catalog.quote_ident(i.relname) || ' ON ONLY ' || i.full_table) + 1)
           END AS remedy
    FROM halves h
    JOIN indexes i ON i.oid = h.oid
    LEFT JOIN tables t ON t.oid = h.bare
    LEFT JOIN fitting f ON f.oid = h.oid
    LEFT JOIN locked l ON l.oid = i.oid
    CROSS JOIN LATERAL (SELECT CASE WHEN i.is_unique THEN 'UNIQUE ' ELSE '' END AS word) AS u
    WHERE h.missing > 0 OR h.invalid = 0
), findings AS (
    SELECT 1 AS rank, 'invalid' AS reason, i.nspname, i.table_name, i.relname, s.size, i.scans,
           CASE
               WHEN NOT i.is_live THEN 'a DROP INDEX CONCURRENTLY of it was interrupted'
               WHEN i.relname ~ '_ccnew[0-9]*$' OR i.relname ~ '_ccold[0-9]*$' THEN 'an interrupted REINDEX CONCURRENTLY left it behind'
               WHEN w.name IS NOT NULL THEN 'its build was interrupted, and ' || w.name || ' is the same'
               ELSE 'its build was interrupted' || CASE WHEN i.is_unique THEN ', maybe by duplicate values' ELSE '' END
           END || CASE WHEN i.is_ready THEN '; no query uses it, but every write keeps it up to date' ELSE '; no query uses it' END
           || CASE WHEN i.is_toast THEN '; it is on the TOAST table of ' || coalesce(o.name, '?') ELSE '' END
           || CASE WHEN pg_catalog.pg_is_in_recovery() THEN '; the primary may still be building it' ELSE '' END AS detail,
           CASE
               WHEN i.parent IS NOT NULL THEN 'REINDEX INDEX ' || CASE WHEN i.is_exclusion THEN '' ELSE 'CONCURRENTLY ' END || i.name  -- pg12..
               WHEN i.parent IS NOT NULL THEN 'REINDEX INDEX ' || i.name  -- pg..11
               WHEN i.con IS NOT NULL THEN 'REINDEX INDEX ' || i.name
               WHEN NOT i.is_live OR i.relname ~ '_ccnew[0-9]*$' OR i.relname ~ '_ccold[0-9]*$' OR w.name IS NOT NULL THEN 'DROP INDEX CONCURRENTLY ' || i.name
               ELSE 'REINDEX INDEX CONCURRENTLY ' || i.name  -- pg12..
               ELSE 'DROP INDEX CONCURRENTLY ' || i.name  -- pg..11
           END AS remedy,
           NULL::timestamptz AS since
    FROM indexes i
    LEFT JOIN sizes s ON s.root = i.root
    LEFT JOIN tables o ON i.is_toast AND o.reltoastrelid = i.indrelid
    LEFT JOIN LATERAL (
        SELECT pg_catalog.min(k.name COLLATE "C") AS name
        FROM alike a
        JOIN alike b ON b.class = a.class AND b.oid <> a.oid
        JOIN indexes k ON k.oid = b.oid AND k.is_valid AND (k.is_unique OR NOT i.is_unique)
        WHERE a.oid = i.oid
    ) AS w ON true
    WHERE i.relkind = 'i' AND NOT i.is_valid
      AND NOT EXISTS (SELECT FROM building b WHERE b.index_oid = i.oid OR b.table_oid = i.indrelid)
    UNION ALL
    SELECT 1, 'invalid', i.nspname, i.table_name, i.relname, s.size, NULL,
           CASE WHEN c.missing > 0 THEN c.missing::text || ' of ' || c.parts::text || ' partitions have no part of it, ' || CASE WHEN c.missing > 1 THEN 'such as ' ELSE '' END || c.bare
                ELSE 'every part is attached and valid, yet it is not marked so' END,
           c.remedy, NULL
    FROM completed c
    JOIN indexes i ON i.oid = c.oid
    LEFT JOIN sizes s ON s.root = i.oid
    WHERE NOT EXISTS (SELECT FROM building b WHERE b.index_oid = i.oid OR b.table_oid = i.indrelid)
    UNION ALL
    SELECT 2, 'unused', i.nspname, i.table_name, i.relname, s.size, 0,
           'no scan in ' || n.says || ' of statistics; standbys count apart',
           'DROP INDEX ' || CASE WHEN i.relkind = 'I' THEN '' ELSE 'CONCURRENTLY ' END || i.name, n.began
    FROM never v
    JOIN indexes i ON i.oid = v.root
    CROSS JOIN since n
    LEFT JOIN sizes s ON s.root = v.root
    -- What another finding leaves to do the work of an index that goes is needed from then on.
    WHERE v.root NOT IN (SELECT g.root FROM guards g UNION ALL SELECT d.kept_root FROM duplicates d UNION ALL SELECT c.long_root FROM covered c)
    UNION ALL
    SELECT 3, 'duplicate', i.nspname, i.table_name, i.relname, s.size, u.scans,
           'the same as ' || d.kept || CASE WHEN d.by_unique THEN ', which is unique' ELSE '' END || coalesce('; needed by ' || d.dependents, ''),
           CASE
               WHEN d.dependents IS NOT NULL THEN NULL
               WHEN i.con IS NOT NULL THEN 'ALTER TABLE ' || i.full_table || ' DROP CONSTRAINT ' || pg_catalog.quote_ident(i.conname)
               ELSE 'DROP INDEX ' || CASE WHEN i.relkind = 'I' THEN '' ELSE 'CONCURRENTLY ' END || i.name
           END, NULL
    FROM duplicates d
    JOIN indexes i ON i.oid = d.oid
    LEFT JOIN sizes s ON s.root = i.root
    LEFT JOIN totals u ON u.root = i.root
    UNION ALL
    SELECT 4, 'covered', i.nspname, i.table_name, i.relname, s.size, u.scans,
           'its columns are the first ones of ' || c.long_name,
           'DROP INDEX ' || CASE WHEN i.relkind = 'I' THEN '' ELSE 'CONCURRENTLY ' END || i.name, NULL
    FROM covered c
    JOIN indexes i ON i.oid = c.oid
    LEFT JOIN sizes s ON s.root = i.root
    LEFT JOIN totals u ON u.root = i.root
    UNION ALL
    SELECT 5, 'foreign key', t.nspname, t.relname, c.conname, m.size, NULL,
           'no index for ' || x.columns || CASE WHEN g.leaves > 1 THEN ' on ' || g.unserved::text || ' of ' || g.leaves::text || ' partitions' ELSE '' END
           || ': each DELETE on ' || r.name || ' reads ' || coalesce(m.live::text, 'all') || ' rows; ' || p.deleted::text || ' deleted so far',
           'CREATE INDEX ' || CASE WHEN t.relkind = 'p' THEN '' ELSE 'CONCURRENTLY ' END || 'ON ' || t.name || ' (' || x.columns || ')', n.began
    FROM lacking g
    JOIN pg_catalog.pg_constraint c ON c.oid = g.top
    JOIN tables t ON t.oid = c.conrelid
    JOIN tables r ON r.oid = c.confrelid
    JOIN measured m ON m.top = g.top
    CROSS JOIN since n
    CROSS JOIN LATERAL (
        SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY k.at) AS columns
        -- Partitions may number their columns otherwise. The period of a temporal key is not compared by equality.
        FROM pg_catalog.unnest(c.conkey[1 : pg_catalog.cardinality(c.conkey) - CASE WHEN c.conperiod THEN 1 ELSE 0 END]) WITH ORDINALITY AS k (n, at)  -- pg18..
        FROM pg_catalog.unnest(c.conkey) WITH ORDINALITY AS k (n, at)  -- pg..17
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n
    ) AS x
    CROSS JOIN LATERAL (
        SELECT coalesce(pg_catalog.sum(pg_catalog.pg_stat_get_tuples_deleted(y.oid)), 0)::int8 AS deleted
        FROM (SELECT c.confrelid AS oid UNION SELECT z.oid FROM table_tree z WHERE z.above = c.confrelid) AS y
    ) AS p
    WHERE coalesce(m.live, m.size / 128) >= coalesce($4, 10000)
    UNION ALL
    SELECT 6, 'missing', t.nspname, t.relname, NULL, m.size, s.seq_scans,
           s.seq_scans::text || ' sequential scans of ' || s.rows_each::text || ' rows each, ' || s.index_scans::text || ' index scans in ' || n.says,
           NULL, n.began
    FROM scanned s
    JOIN tables t ON t.oid = s.root
    JOIN measured m ON m.root = s.root
    CROSS JOIN since n
    WHERE m.size >= 8388608
)
SELECT f.reason, f.nspname::text AS schema, f.table_name::text AS "table", f.relname::text AS name, f.size AS total_bytes, f.scans, f.detail, f.remedy, f.since
FROM findings f
WHERE ($3 IS NULL OR f.reason = ANY ($3))
  AND ($2 IS NULL OR EXISTS (
        SELECT FROM patterns x
        WHERE (x.schema_regex IS NULL OR f.nspname ~ (x.schema_regex COLLATE "default"))
          AND (f.relname ~ (x.name_regex COLLATE "default") OR f.table_name ~ (x.name_regex COLLATE "default"))))
ORDER BY f.rank, f.size DESC NULLS LAST, f.nspname, f.table_name, f.relname
