), directories (reltablespace, directory) AS (
    -- Any relation tells its tablespace's directory; 0 is the database's own, 1664 that of the shared catalogs.
    SELECT t.oid, pg_catalog.regexp_replace(pg_catalog.pg_relation_filepath(t.relation), '/[^/]*$', '')
    FROM (SELECT 0::pg_catalog.oid, 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
          UNION ALL
          SELECT s.oid, (SELECT c.oid FROM pg_catalog.pg_class c WHERE c.reltablespace = s.oid ORDER BY c.relfilenode DESC LIMIT 1)
          FROM pg_catalog.pg_tablespace s) AS t (oid, relation)
    WHERE t.relation IS NOT NULL
), segments (reltablespace, node, is_main, size) AS (
    -- 16384, 16384.1 (its second GB), 16384_fsm, 16384_vm, 16384_init. Temporary tables (t3_16384) are few, and are
    -- asked for themselves.
    SELECT d.reltablespace,
           pg_catalog.split_part(pg_catalog.split_part(f.name, '_', 1), '.', 1)::pg_catalog.oid,
           pg_catalog.strpos(f.name, '_') = 0,
           (pg_catalog.pg_stat_file(d.directory || '/' || f.name, true)).size
    FROM directories d
    CROSS JOIN LATERAL pg_catalog.pg_ls_dir(d.directory, true, false) AS f (name)
    WHERE pg_catalog.ascii(f.name) BETWEEN 48 AND 57
), scanned AS (
    -- Each table, TOAST tables too, with its indexes. float8 adds whole numbers exactly up to 8 PiB, and several times
    -- as fast as numeric.
    SELECT p.oid,
           pg_catalog.sum(CASE WHEN p.relkind <> 'i' AND s.is_main THEN s.size::float8 END) AS main,
           pg_catalog.sum(s.size::float8) AS total,
           coalesce(pg_catalog.sum(CASE WHEN p.relkind = 'i' THEN s.size::float8 END), 0) AS indexes,
           pg_catalog.bool_or(s.node IS NULL) AS missing
    FROM (SELECT coalesce(i.indrelid, c.oid) AS oid, c.relkind, c.reltablespace,
                 CASE WHEN c.relpersistence = 't' THEN 0::pg_catalog.oid
                      ELSE coalesce(nullif(c.relfilenode, 0), pg_catalog.pg_relation_filenode(c.oid)) END AS node
          FROM pg_catalog.pg_class c
          LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
          WHERE c.relkind IN ('r', 'm', 'i', 't')) AS p
    LEFT JOIN segments s ON s.reltablespace = p.reltablespace AND s.node = p.node
    GROUP BY p.oid
), matched AS (
    SELECT j.*, s.main::int8 AS main, coalesce(t.total, 0)::int8 AS toast, s.indexes::int8 AS indexes,
           (s.total + coalesce(t.total, 0))::int8 AS total,
           -- A table that was rewritten between the catalog's answer and the directory's is asked for itself.
           j.has_storage AND (s.missing IS NOT false OR (j.reltoastrelid <> 0 AND t.missing IS NOT false)) AS missing
    FROM judged j
    LEFT JOIN scanned s ON s.oid = j.oid
    LEFT JOIN scanned t ON t.oid = j.reltoastrelid
), asked AS (
    -- What is missing and locked is not asked: the answer would wait.
    SELECT j.nspname, j.relname, j.relkind, j.reltuples, j.relpages, j.reltoastrelid, j.root_schema, j.root_name, j.root_kind,
           j.family, j.has_storage, j.is_elsewhere, j.is_locked,
           CASE WHEN NOT j.has_storage OR (j.missing AND j.is_locked) THEN NULL WHEN j.missing THEN pg_catalog.pg_relation_size(j.oid) ELSE j.main END AS main,
           CASE WHEN NOT j.has_storage OR (j.missing AND j.is_locked) THEN NULL
                WHEN j.missing AND j.reltoastrelid <> 0 THEN pg_catalog.pg_total_relation_size(j.reltoastrelid) ELSE j.toast END AS toast,
           CASE WHEN NOT j.has_storage OR (j.missing AND j.is_locked) THEN NULL WHEN j.missing THEN pg_catalog.pg_indexes_size(j.oid) ELSE j.indexes END AS indexes,
           CASE WHEN NOT j.has_storage OR (j.missing AND j.is_locked) THEN NULL WHEN j.missing THEN pg_catalog.pg_total_relation_size(j.oid) ELSE j.total END AS total,
           -- What would have to wait: the pages that VACUUM or ANALYZE last counted; 0 means that nobody has, so it is unknown.
           CASE WHEN j.is_locked AND j.missing THEN nullif(j.relpages, 0) * j.block END AS guessed_main,
           CASE WHEN j.is_locked AND j.missing THEN
               (SELECT nullif(pg_catalog.sum(x.relpages), 0) FROM pg_catalog.pg_class x
                WHERE x.oid = ANY (pg_catalog.array_append(ARRAY(SELECT i.indexrelid FROM pg_catalog.pg_index i WHERE i.indrelid = j.reltoastrelid), j.reltoastrelid))) * j.block END AS guessed_toast,
           CASE WHEN j.is_locked AND j.missing THEN
               (SELECT coalesce(pg_catalog.sum(x.relpages), 0) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                WHERE i.indrelid = j.oid) * j.block END AS guessed_indexes
    FROM matched j
), weighed AS (
    SELECT a.nspname, a.relname, a.relkind, a.reltuples, a.relpages, a.root_schema, a.root_name, a.root_kind, a.family,
           coalesce(a.main, a.guessed_main)::int8 AS main,
           coalesce(a.toast, CASE WHEN a.guessed_main IS NOT NULL THEN CASE WHEN a.reltoastrelid = 0 THEN 0 ELSE a.guessed_toast END END)::int8 AS toast,
           coalesce(a.indexes, CASE WHEN a.guessed_main IS NOT NULL THEN a.guessed_indexes END)::int8 AS indexes,
           coalesce(a.total, a.guessed_main + coalesce(a.guessed_toast, 0) + a.guessed_indexes)::int8 AS total,
           CASE
               WHEN a.is_elsewhere THEN 'unlogged'
               WHEN a.is_locked THEN 'locked'
               WHEN a.has_storage AND a.total IS NULL THEN 'gone'
               ELSE ''
           END AS state
    FROM asked a
