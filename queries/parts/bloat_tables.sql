-- include patterns
), namespaces AS (
    SELECT n.oid, n.nspname, n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AS of_users
    FROM pg_catalog.pg_namespace n
    WHERE n.nspname !~ '^pg_(temp|toast_temp)_'
), exclusive (oid) AS (
-- include exclusive
), chosen AS (
    SELECT c.oid, c.relname, n.nspname, c.relkind, c.relpages, c.reltuples, c.relnatts,
           CASE WHEN c.relkind = 't' THEN pg_catalog.quote_ident(m.nspname) || '.' || pg_catalog.quote_ident(t.relname) END AS toast_of,
           coalesce((SELECT pg_catalog.split_part(o.option, '=', 2)::int4 FROM pg_catalog.unnest(c.reloptions) AS o (option) WHERE o.option LIKE 'fillfactor=%'), 100) AS fillfactor,
           c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery() AS is_elsewhere,
           e.oid IS NOT NULL AS is_locked,
           c.relam = 2 AS is_heap,  -- pg12..
           true AS is_heap,  -- pg..11
           c.relrowsecurity
    FROM pg_catalog.pg_class c
    JOIN namespaces n ON n.oid = c.relnamespace
    -- A TOAST table belongs to what its table matches.
    LEFT JOIN pg_catalog.pg_class t ON t.reltoastrelid = c.oid AND c.relkind = 't'
    JOIN namespaces m ON m.oid = coalesce(t.relnamespace, c.relnamespace)
    LEFT JOIN exclusive e ON e.oid = c.oid
    WHERE c.relkind IN ('r', 'm', 't')
      AND CASE
            -- A pattern that names a schema searches that schema, even a system schema.
            WHEN $2 IS NOT NULL THEN EXISTS (
                SELECT FROM patterns x
                WHERE CASE WHEN x.schema_regex IS NULL THEN m.of_users OR $3
                           ELSE n.nspname ~ (x.schema_regex COLLATE "default") OR m.nspname ~ (x.schema_regex COLLATE "default") END
                  AND (c.relname ~ (x.name_regex COLLATE "default") OR t.relname ~ (x.name_regex COLLATE "default")))
            ELSE m.of_users OR $3
          END
), sized AS MATERIALIZED (  -- pg12..
), sized AS (  -- pg..11
    -- The size is NULL where a table went away meanwhile. The size of a locked relation is not asked for, since the answer would wait.
    SELECT c.*, b.block,
           CASE
               WHEN c.is_elsewhere THEN NULL
               WHEN c.is_locked THEN nullif(c.relpages, 0) * b.block
               ELSE pg_catalog.pg_relation_size(c.oid)
           END AS total,
           CASE WHEN u.dead > 0 OR (u.counts AND NOT u.is_standby) THEN u.dead END AS dead, u.analyzed
    FROM chosen c
    CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::int8 AS block OFFSET 0) AS b
    CROSS JOIN LATERAL (
        SELECT pg_catalog.pg_stat_get_dead_tuples(c.oid) AS dead,
               greatest(pg_catalog.pg_stat_get_last_analyze_time(c.oid), pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid)) AS analyzed,
               pg_catalog.current_setting('track_counts')::bool AS counts, pg_catalog.pg_is_in_recovery() AS is_standby
        OFFSET 0
    ) AS u
