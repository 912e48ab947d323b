), asked AS (
    -- NULL where a table went away meanwhile. The size of a locked relation is not asked for, since the answer would wait.
    SELECT j.*,
           CASE WHEN j.has_storage AND NOT j.is_locked THEN pg_catalog.pg_relation_size(j.oid) END AS main,
           CASE WHEN j.has_storage AND NOT j.is_locked THEN
               CASE WHEN j.reltoastrelid = 0 THEN 0 ELSE pg_catalog.pg_total_relation_size(j.reltoastrelid) END END AS toast,
           CASE WHEN j.has_storage AND NOT j.is_locked THEN pg_catalog.pg_indexes_size(j.oid) END AS indexes,
           CASE WHEN j.has_storage AND NOT j.is_locked THEN pg_catalog.pg_table_size(j.oid) END AS table_and_toast,
           -- What would have to wait: the pages that VACUUM or ANALYZE last counted; 0 means that nobody has, so it is unknown.
           CASE WHEN j.is_locked THEN nullif(j.relpages, 0) * j.block END AS guessed_main,
           CASE WHEN j.is_locked THEN
               (SELECT nullif(pg_catalog.sum(x.relpages), 0) FROM pg_catalog.pg_class x
                WHERE x.oid = ANY (pg_catalog.array_append(ARRAY(SELECT i.indexrelid FROM pg_catalog.pg_index i WHERE i.indrelid = j.reltoastrelid), j.reltoastrelid))) * j.block END AS guessed_toast,
           CASE WHEN j.is_locked THEN
               (SELECT coalesce(pg_catalog.sum(x.relpages), 0) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                WHERE i.indrelid = j.oid) * j.block END AS guessed_indexes
    FROM judged j
), weighed AS (
    SELECT a.nspname, a.relname, a.relkind, a.reltuples, a.relpages, a.root_schema, a.root_name, a.root_kind, a.family,
           coalesce(a.main, a.guessed_main)::int8 AS main,
           coalesce(a.toast, CASE WHEN a.guessed_main IS NOT NULL THEN CASE WHEN a.reltoastrelid = 0 THEN 0 ELSE a.guessed_toast END END)::int8 AS toast,
           coalesce(a.indexes, CASE WHEN a.guessed_main IS NOT NULL THEN a.guessed_indexes END)::int8 AS indexes,
           coalesce(a.table_and_toast + a.indexes, a.guessed_main + coalesce(a.guessed_toast, 0) + a.guessed_indexes)::int8 AS total,
           CASE
               WHEN a.is_elsewhere THEN 'unlogged'
               WHEN a.is_locked THEN 'locked'
               WHEN a.has_storage AND a.table_and_toast + a.indexes IS NULL THEN 'gone'
               ELSE ''
           END AS state
    FROM asked a
