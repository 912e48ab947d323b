-- What each table weighs, with its indexes and TOAST.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- flag    = "estimate"
-- source  = "pg_class.relpages"
-- example = "pgkit sizes --group-partitions --limit 10"
-- columns = ["schema text", "name text", "kind text", "members int8", "rows_estimate int8", "main_bytes int8", "toast_bytes int8", "indexes_bytes int8", "total_bytes int8", "state text"]
-- usual   = { members = "1" }
-- wide    = ["kind", "toast_bytes", "rows_estimate", "indexes_bytes", "main_bytes"]
-- [[param]]
-- name       = "pattern"
-- type       = "pattern[]"
-- positional = true
-- help       = "Tables or families to show, as in psql: name, schema.name, with * and ?"
-- [[param]]
-- name = "group_partitions"
-- type = "bool"
-- help = "Lump families: a partition or inheritance tree under its root, tables whose names differ only in trailing digits and _, or in a date or number that two have, under the name before it"
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
    -- So that an invalid regular expression is an error even if no schema matches.
    WHERE (''::text ~ p.name_regex) IS NOT NULL
), lump (by_tree, by_name) AS (
    SELECT g.wanted AND coalesce($4, 'both') <> 'name', g.wanted AND (coalesce($4, 'both') <> 'tree' OR $5 IS NOT NULL)
    FROM (SELECT $3 OR $4 IS NOT NULL OR $5 IS NOT NULL) AS g (wanted)
), parents (inhrelid, inhparent) AS (
    -- A child of several parents counts once, under the first that it still has.
    SELECT DISTINCT ON (i.inhrelid) i.inhrelid, i.inhparent
    FROM pg_catalog.pg_inherits i
    WHERE (SELECT l.by_tree FROM lump l)
    ORDER BY i.inhrelid, i.inhseqno
), tree (oid, root_schema, root_name, root_kind) AS (
    SELECT c.oid, n.nspname, c.relname, c.relkind
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE (SELECT l.by_tree FROM lump l)
      AND c.oid IN (SELECT i.inhparent FROM pg_catalog.pg_inherits i)
      AND c.oid NOT IN (SELECT i.inhrelid FROM pg_catalog.pg_inherits i)
    UNION ALL
    SELECT i.inhrelid, t.root_schema, t.root_name, t.root_kind
    FROM tree t
    JOIN parents i ON i.inhparent = t.oid
), namespaces AS (
    SELECT n.oid, n.nspname,
           n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_toast' AS of_users
    FROM pg_catalog.pg_namespace n
), rooted AS (
    SELECT c.oid, n.nspname, n.of_users, c.relname, c.relkind, c.relpages, c.reltuples, c.reltoastrelid,
           coalesce(t.root_schema, n.nspname) AS root_schema,
           coalesce(t.root_name, c.relname) AS root_name,
           coalesce(t.root_kind, c.relkind) AS root_kind
    FROM pg_catalog.pg_class c
    JOIN namespaces n ON n.oid = c.relnamespace
    LEFT JOIN tree t ON t.oid = c.oid
    WHERE c.relkind IN ('r', 'p', 'm', 'f')
), named AS (
    -- A name before a suffix of a date or of a number, in the forms that people and partition tools write.
    SELECT r.root_schema, r.root_name,
           pg_catalog.substring(r.root_name::text COLLATE pg_catalog."default", '(?i)^(.+?)[-_. ]+(?:[py]?[0-9]+(?:[-_. ]?[mqwdth]?[0-9]+)*|(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)[-_. ]?[0-9]+(?:[-_. ][0-9]+)*|[0-9]+[-_. ]?(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?:[-_. ]?[0-9]+)*|[0-9]+_of_[0-9]+)$') AS dated,
           pg_catalog.substring(r.root_name::text COLLATE pg_catalog."default", '(?i)^(.+)[-_. ](?:default|old)$') AS other
    FROM (SELECT DISTINCT x.root_schema, x.root_name FROM rooted x WHERE (SELECT l.by_name FROM lump l) AND $5 IS NULL) AS r
), stems AS (
    -- Only where two names have such a suffix is it one; then _default and _old belong to the family too.
    SELECT n.root_schema, n.root_name, p.stem
    FROM named n
    JOIN (SELECT n.root_schema, n.dated AS stem FROM named n WHERE n.dated IS NOT NULL GROUP BY n.root_schema, n.dated HAVING pg_catalog.count(*) > 1) AS p
      ON p.root_schema = n.root_schema AND p.stem = coalesce(n.dated, n.other)
), placed AS (
    SELECT r.*,
           CASE
               WHEN NOT l.by_name THEN r.root_name::text
               WHEN $5 IS NOT NULL THEN coalesce(nullif(pg_catalog.substring(r.root_name::text COLLATE pg_catalog."default", $5), ''), r.root_name::text)
               ELSE coalesce(nullif(pg_catalog.rtrim(coalesce(s.stem, r.root_name::text), '_0123456789'), ''), s.stem, r.root_name::text)
           END AS family
    FROM rooted r
    CROSS JOIN lump l
    LEFT JOIN stems s ON s.root_schema = r.root_schema AND s.root_name = r.root_name
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
            ELSE $8 OR p.of_users
          END
), estimates AS (
    -- Pages as VACUUM or ANALYZE last counted them; 0 means that nobody has, so it is unknown.
    SELECT c.oid,
           nullif(c.relpages, 0) * b.size AS main,
           nullif(t.relpages + coalesce(ti.pages, 0), 0) * b.size AS toast,
           i.pages * b.size AS indexes
    FROM chosen c
    CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::int8) AS b (size)
    LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
    LEFT JOIN LATERAL (
        SELECT pg_catalog.sum(x.relpages) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = t.oid
    ) AS ti (pages) ON true
    LEFT JOIN LATERAL (
        SELECT coalesce(pg_catalog.sum(x.relpages), 0) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid
    ) AS i (pages) ON true
    WHERE c.has_storage
), weighed AS (
    SELECT c.*,
           e.main::int8 AS main,
           CASE WHEN e.main IS NOT NULL AND c.reltoastrelid = 0 THEN 0 ELSE e.toast END::int8 AS toast,
           CASE WHEN e.main IS NOT NULL THEN e.indexes END::int8 AS indexes,
           (e.main + coalesce(e.toast, 0) + e.indexes)::int8 AS total,
           CASE WHEN c.has_storage THEN 'estimate' ELSE '' END AS state
    FROM chosen c
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
           CASE WHEN pg_catalog.count(DISTINCT c.family_kind) = 1 THEN pg_catalog.min(c.family_kind) WHEN pg_catalog.bool_or(c.family_kind = 'partitioned table') THEN 'partitioned table' ELSE 'table' END,
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
