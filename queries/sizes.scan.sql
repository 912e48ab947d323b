-- What each table weighs, with its indexes and TOAST.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- lock_timeout = "100ms"
-- retry   = ["55P03", "XX000"]
-- when    = "pg_catalog.has_function_privilege('pg_catalog.pg_ls_dir(text,boolean,boolean)', 'EXECUTE') AND pg_catalog.has_function_privilege('pg_catalog.pg_stat_file(text,boolean)', 'EXECUTE')"
-- source  = "the storage chapter of PostgreSQL's manual: Database File Layout"
-- example = "pgkit sizes --group-partitions --limit 10"
-- columns = ["schema text", "name text", "kind text", "members int8", "rows_estimate int8", "main_bytes int8", "toast_bytes int8", "indexes_bytes int8", "total_bytes int8", "state text"]
-- [[param]]
-- name       = "pattern"
-- type       = "pattern[]"
-- positional = true
-- help       = "Tables or families to show, as in psql: name, schema.name, with * and ?"
-- [[param]]
-- name = "group_partitions"
-- type = "bool"
-- help = "Lump families: a partition or inheritance tree under its root, tables whose names differ only in trailing digits and _ under the trimmed name"
-- [[param]]
-- name    = "by"
-- type    = "text"
-- metavar = "WHAT"
-- one_of  = ["tree", "name", "both"]
-- help    = "What makes a family (implies --group-partitions) [default: both]"
-- [[param]]
-- name    = "group_regex"
-- type    = "regex"
-- metavar = "REGEX"
-- help    = "Lump names by this PostgreSQL regular expression, whose first group is the family's name (implies --group-partitions)"
-- [[param]]
-- name    = "measure"
-- type    = "text"
-- metavar = "WHAT"
-- one_of  = ["main", "toast", "indexes", "total"]
-- default = "total"
-- help    = "What to order by, the heaviest first"
-- [[param]]
-- name = "estimate"
-- type = "bool"
-- help = "Ask neither files nor locks: the page counts of the last VACUUM or ANALYZE"
-- [[param]]
-- name = "system"
-- type = "bool"
-- help = "System catalogs too"
WITH RECURSIVE patterns (schema_regex, name_regex) AS (
    SELECT p.schema_regex, p.name_regex
    FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS p (schema_regex, name_regex)
), lump (by_tree, by_name) AS (
    SELECT g.wanted AND coalesce($4, 'both') <> 'name', g.wanted AND coalesce($4, 'both') <> 'tree'
    FROM (SELECT $3 OR $4 IS NOT NULL OR $5 IS NOT NULL) AS g (wanted)
), tree (oid, root) AS (
    -- A child of several parents counts once, under the first of them.
    SELECT i.inhparent, i.inhparent
    FROM pg_catalog.pg_inherits i, lump l
    WHERE l.by_tree
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits up WHERE up.inhrelid = i.inhparent)
    GROUP BY i.inhparent
    UNION ALL
    SELECT i.inhrelid, t.root
    FROM tree t
    JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid AND i.inhseqno = 1
), placed AS (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relfilenode, c.reltablespace,
           c.reltoastrelid, c.relpages, c.reltuples,
           coalesce(rn.nspname, n.nspname) AS root_schema,
           coalesce(r.relname, c.relname) AS root_name,
           coalesce(r.relkind, c.relkind) AS root_kind,
           CASE
               WHEN NOT l.by_name THEN coalesce(r.relname, c.relname)::text
               WHEN $5 IS NOT NULL THEN
                   coalesce(pg_catalog.substring(coalesce(r.relname, c.relname)::text COLLATE pg_catalog."default", $5), coalesce(r.relname, c.relname)::text)
               ELSE coalesce(nullif(pg_catalog.rtrim(coalesce(r.relname, c.relname)::text, '_0123456789'), ''), coalesce(r.relname, c.relname)::text)
           END AS family
    FROM pg_catalog.pg_class c
    CROSS JOIN lump l
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN tree t ON t.oid = c.oid
    LEFT JOIN pg_catalog.pg_class r ON r.oid = t.root AND r.oid <> c.oid
    LEFT JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm', 'f')
), chosen AS (
    SELECT p.*, p.relkind IN ('r', 'm') AS has_storage
    FROM placed p
    WHERE CASE
            -- A pattern with a schema means that schema, the system's too; a member belongs to what its family matches.
            WHEN $2 IS NOT NULL AND EXISTS (
                SELECT FROM patterns x
                WHERE (p.nspname ~ (x.schema_regex COLLATE pg_catalog."default") AND p.relname ~ (x.name_regex COLLATE pg_catalog."default"))
                   OR (p.root_schema ~ (x.schema_regex COLLATE pg_catalog."default")
                       AND (p.root_name ~ (x.name_regex COLLATE pg_catalog."default") OR p.family ~ (x.name_regex COLLATE pg_catalog."default")))) THEN true
            WHEN $2 IS NOT NULL AND NOT EXISTS (
                SELECT FROM patterns x
                WHERE x.schema_regex IS NULL
                  AND (p.relname ~ (x.name_regex COLLATE pg_catalog."default")
                       OR p.root_name ~ (x.name_regex COLLATE pg_catalog."default")
                       OR p.family ~ (x.name_regex COLLATE pg_catalog."default"))) THEN false
            ELSE $8 OR (p.nspname <> 'pg_catalog' AND p.nspname <> 'information_schema' AND p.nspname !~ '^pg_toast')
          END
), owned (part, oid) AS (
    -- A table's indexes, its TOAST table and that one's index: a lock on one of these keeps the sizes of all waiting.
    SELECT i.indexrelid, i.indrelid FROM pg_catalog.pg_index i
    UNION ALL
    SELECT c.reltoastrelid, c.oid FROM pg_catalog.pg_class c WHERE c.reltoastrelid <> 0
    UNION ALL
    SELECT i.indexrelid, c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_index i ON i.indrelid = c.reltoastrelid WHERE c.reltoastrelid <> 0
), exclusive (oid) AS (
    -- Held or only wanted: what waits for an exclusive lock makes everybody behind it wait.
    SELECT l.relation
    FROM pg_catalog.pg_locks l
    WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
      AND l.database IN (0, (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))
    GROUP BY l.relation
), locked (oid) AS (
    SELECT e.oid FROM exclusive e
    UNION
    SELECT o.oid FROM exclusive e JOIN owned o ON o.part = e.oid
), estimates AS (
    -- Pages as VACUUM or ANALYZE last counted them; 0 means that nobody has, so it is unknown.
    SELECT c.oid,
           nullif(c.relpages, 0) * b.size AS main,
           nullif(t.relpages + coalesce(ti.pages, 0), 0) * b.size AS toast,
           i.pages * b.size AS indexes
    FROM chosen c
    JOIN locked l ON l.oid = c.oid
    CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::int8) AS b (size)
    LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
    LEFT JOIN LATERAL (
        SELECT pg_catalog.sum(x.relpages) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = t.oid
    ) AS ti (pages) ON true
    LEFT JOIN LATERAL (
        SELECT coalesce(pg_catalog.sum(x.relpages), 0) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid
    ) AS i (pages) ON true
    WHERE c.has_storage
), directories (reltablespace, directory) AS (
    SELECT s.reltablespace, pg_catalog.regexp_replace(pg_catalog.pg_relation_filepath(s.oid), '/[^/]*$', '')
    FROM (SELECT c.reltablespace, pg_catalog.max(c.oid) AS oid FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'm', 'i', 't') GROUP BY c.reltablespace) s
), segments AS (
    SELECT d.reltablespace, pg_catalog.split_part(f.name, '.', 1) AS fork, (pg_catalog.pg_stat_file(d.directory || '/' || f.name, true)).size
    FROM directories d
    CROSS JOIN LATERAL pg_catalog.pg_ls_dir(d.directory, true, false) AS f (name)
    WHERE f.name ~ '^t?[0-9]'
), files AS (
    -- 16384, 16384.1 (its second GB), 16384_fsm, 16384_vm, 16384_init; temporary ones are t3_16384.
    SELECT s.reltablespace, s.base, pg_catalog.sum(s.size) FILTER (WHERE s.fork = s.base) AS main, pg_catalog.sum(s.size) AS total
    FROM (SELECT g.*, CASE WHEN g.fork LIKE 't%' THEN pg_catalog.split_part(g.fork, '_', 1) || '_' || pg_catalog.split_part(g.fork, '_', 2)
                           ELSE pg_catalog.split_part(g.fork, '_', 1) END AS base FROM segments g) s
    GROUP BY s.reltablespace, s.base
), stored AS (
    SELECT c.oid, f.main, f.total
    FROM pg_catalog.pg_class c
    JOIN files f ON f.reltablespace = c.reltablespace
     AND f.base = CASE
            WHEN c.relpersistence = 't' THEN pg_catalog.regexp_replace(pg_catalog.pg_relation_filepath(c.oid), '^.*/', '')
            ELSE coalesce(nullif(c.relfilenode, 0), pg_catalog.pg_relation_filenode(c.oid))::text
         END
    WHERE c.relkind IN ('r', 'm', 'i', 't')
), indexed AS (
    SELECT i.indrelid AS oid, pg_catalog.sum(s.total) AS total, pg_catalog.bool_or(s.oid IS NULL) AS missing
    FROM pg_catalog.pg_index i
    LEFT JOIN stored s ON s.oid = i.indexrelid
    GROUP BY i.indrelid
), scanned AS (
    SELECT c.oid, s.main,
           CASE WHEN c.reltoastrelid = 0 THEN 0 ELSE t.total + coalesce(ti.total, 0) END AS toast,
           coalesce(i.total, 0) AS indexes, s.total AS heap,
           s.oid IS NULL OR (c.reltoastrelid <> 0 AND (t.oid IS NULL OR ti.missing IS NOT false)) OR coalesce(i.missing, false) AS missing
    FROM chosen c
    LEFT JOIN stored s ON s.oid = c.oid
    LEFT JOIN indexed i ON i.oid = c.oid
    LEFT JOIN stored t ON t.oid = c.reltoastrelid
    LEFT JOIN indexed ti ON ti.oid = c.reltoastrelid
    WHERE c.has_storage
), measured AS (
    -- A table that was rewritten between the catalog's answer and the directory's is asked for itself.
    SELECT s.oid, s.main::int8, s.toast::int8, s.indexes::int8, (s.heap + s.toast + s.indexes)::int8 AS total
    FROM scanned s
    WHERE NOT s.missing
    UNION ALL
    SELECT c.oid,
           pg_catalog.pg_relation_size(c.oid),
           CASE WHEN c.reltoastrelid = 0 THEN 0 ELSE pg_catalog.pg_total_relation_size(c.reltoastrelid) END,
           pg_catalog.pg_indexes_size(c.oid),
           pg_catalog.pg_total_relation_size(c.oid)
    FROM chosen c
    JOIN scanned s ON s.oid = c.oid
    WHERE s.missing AND NOT EXISTS (SELECT FROM locked l WHERE l.oid = c.oid)
), weighed AS (
    SELECT c.*,
           coalesce(m.main, e.main)::int8 AS main,
           coalesce(m.toast, CASE WHEN e.main IS NOT NULL AND c.reltoastrelid = 0 THEN 0 ELSE e.toast END)::int8 AS toast,
           coalesce(m.indexes, CASE WHEN e.main IS NOT NULL THEN e.indexes END)::int8 AS indexes,
           coalesce(m.total, e.main + coalesce(e.toast, 0) + e.indexes)::int8 AS total,
           CASE
               WHEN NOT c.has_storage THEN ''
               WHEN l.oid IS NOT NULL THEN 'locked'
               WHEN m.total IS NULL THEN 'gone'
               ELSE ''
           END AS state
    FROM chosen c
    LEFT JOIN measured m ON m.oid = c.oid
    LEFT JOIN locked l ON l.oid = c.oid
    LEFT JOIN estimates e ON e.oid = c.oid
), counted AS (
    SELECT w.*, CASE w.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END AS kind,
           CASE w.root_kind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END AS family_kind,
           -- Before 14, 0 rows on 0 pages means that nobody has counted; since then it is -1.
           CASE WHEN w.relkind <> 'p' AND w.reltuples >= 0 AND (w.reltuples > 0 OR w.relpages > 0) THEN w.reltuples::int8 END AS rows_estimate
    FROM weighed w
), answer AS (
    SELECT c.nspname::text AS schema, c.relname::text AS name, c.kind, 1::int8 AS members,
           c.rows_estimate, c.main, c.toast, c.indexes, c.total, c.state
    FROM counted c, lump l
    WHERE NOT (l.by_tree OR l.by_name)
    UNION ALL
    SELECT c.root_schema::text,
           -- A family of one keeps its own name, unless the caller named it.
           CASE WHEN $5 IS NULL AND pg_catalog.count(DISTINCT c.root_name) = 1 THEN pg_catalog.min(c.root_name::text) ELSE c.family END,
           CASE WHEN pg_catalog.count(DISTINCT c.family_kind) = 1 THEN pg_catalog.min(c.family_kind) ELSE 'table' END,
           pg_catalog.count(*) FILTER (WHERE c.relkind <> 'p' AND c.state <> 'gone'),
           pg_catalog.sum(c.rows_estimate)::int8, pg_catalog.sum(c.main)::int8, pg_catalog.sum(c.toast)::int8, pg_catalog.sum(c.indexes)::int8, pg_catalog.sum(c.total)::int8,
           CASE
               WHEN pg_catalog.bool_or(c.state = 'locked') THEN 'locked'
               WHEN pg_catalog.bool_or(c.state = 'estimate') THEN 'estimate'
               WHEN pg_catalog.bool_and(c.state = 'gone') THEN 'gone'
               ELSE ''
           END
    FROM counted c, lump l
    WHERE l.by_tree OR l.by_name
    GROUP BY c.root_schema, c.family
)
SELECT a.schema, a.name, a.kind, a.members, a.rows_estimate,
       a.main AS main_bytes, a.toast AS toast_bytes, a.indexes AS indexes_bytes, a.total AS total_bytes, a.state
FROM answer a
ORDER BY CASE $6 WHEN 'main' THEN a.main WHEN 'toast' THEN a.toast WHEN 'indexes' THEN a.indexes ELSE a.total END DESC NULLS LAST,
         a.schema COLLATE "C", a.name COLLATE "C"
