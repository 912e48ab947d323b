), owned (part, oid) AS (
    -- A table's indexes, its TOAST table and that one's index: a lock on one of these keeps the sizes of all waiting.
    SELECT i.indexrelid, i.indrelid FROM pg_catalog.pg_index i
    UNION ALL
    SELECT c.reltoastrelid, c.oid FROM pg_catalog.pg_class c WHERE c.reltoastrelid <> 0
    UNION ALL
    SELECT i.indexrelid, c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_index i ON i.indrelid = c.reltoastrelid WHERE c.reltoastrelid <> 0
), exclusive (oid) AS (
-- include exclusive
), locked (oid) AS (
    SELECT e.oid FROM exclusive e
    UNION
    SELECT o.oid FROM exclusive e JOIN owned o ON o.part = e.oid
), judged AS (
    SELECT c.*, c.has_storage AND c.oid IN (SELECT l.oid FROM locked l) AS is_locked,
           pg_catalog.current_setting('block_size')::int8 AS block
    FROM chosen c
