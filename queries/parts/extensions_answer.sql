), preload AS (
    -- A role that may not read the setting gets no row.
    SELECT s.pending_restart,
           ARRAY(SELECT pg_catalog.regexp_replace(pg_catalog.btrim(l.item, ' "'), '^.*/|\.so$', '', 'g')
                 FROM pg_catalog.unnest(pg_catalog.string_to_array(s.setting, ',')) AS l (item)) AS libraries
    FROM pg_catalog.pg_settings s
    WHERE s.name = 'shared_preload_libraries'
), listed AS (
    SELECT coalesce(e.extname::text, a.name) AS name, e.extversion AS installed, a.version AS available, e.extowner,
           n.nspname::text AS schema, a.trusted, a.comment,
           -- Those known to do nothing unless they are preloaded.
           coalesce(e.extname::text, a.name) IN ('age', 'citus', 'credcheck', 'login_hook', 'pg_cron', 'pg_ivm', 'pg_net', 'pg_qualstats', 'pg_show_plans',
               'pg_squeeze', 'pg_stat_kcache', 'pg_stat_monitor', 'pg_stat_statements', 'pg_store_plans', 'pg_tle', 'pg_wait_sampling', 'pgaudit', 'pglogical',
               'powa', 'set_user', 'timescaledb') AS must_be_preloaded
    FROM (SELECT x.extname, x.extversion, x.extowner, x.extnamespace FROM pg_catalog.pg_extension x) AS e
    FULL JOIN available a ON a.name = e.extname::text
    LEFT JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
), judged AS (
    SELECT l.*,
           -- What is installed may be newer than the default version. A version that is not all numbers has no known order.
           CASE WHEN NOT k.is_known OR l.installed IS NULL OR l.available IS NULL THEN NULL
                WHEN l.installed ~ '^[0-9]+([.][0-9]+)*$' AND l.available ~ '^[0-9]+([.][0-9]+)*$'
                THEN (SELECT pg_catalog.string_agg(pg_catalog.lpad(p.part, 10, '0'), '.' ORDER BY p.n) FROM pg_catalog.unnest(pg_catalog.string_to_array(l.installed, '.')) WITH ORDINALITY AS p (part, n)) COLLATE "C"
                     < (SELECT pg_catalog.string_agg(pg_catalog.lpad(p.part, 10, '0'), '.' ORDER BY p.n) FROM pg_catalog.unnest(pg_catalog.string_to_array(l.available, '.')) WITH ORDINALITY AS p (part, n))
                ELSE l.installed <> l.available END AS behind,
           CASE WHEN l.must_be_preloaded THEN l.name = ANY (p.libraries) END AS preloaded,
           -- The server does not tell what it will load after the restart, only that it will load something else.
           CASE WHEN NOT l.must_be_preloaded THEN false ELSE l.name <> ALL (p.libraries) AND p.pending_restart END AS needs_restart,
           k.is_known AND l.installed IS NOT NULL AND l.available IS NULL AS is_missing
    FROM listed l
    CROSS JOIN asked k
    LEFT JOIN preload p ON true
    WHERE l.installed IS NOT NULL OR ($1 AND NOT $2)
)
SELECT j.name,
       j.installed,
       j.available,
       j.behind,
       j.schema,
       j.trusted,
       j.preloaded,
       CASE WHEN j.installed IS NOT NULL THEN j.needs_restart END AS needs_restart,
       CASE
           WHEN j.is_missing THEN 'the files are missing'
           WHEN j.installed IS NULL THEN 'not installed'
           WHEN j.needs_restart THEN 'restart the server to load the library'
           WHEN NOT j.preloaded THEN 'add ' || j.name || ' to shared_preload_libraries'
           WHEN j.behind THEN 'ALTER EXTENSION ' || pg_catalog.quote_ident(j.name) || ' UPDATE'
       END AS detail,
       CASE WHEN j.installed IS NOT NULL THEN pg_catalog.pg_get_userbyid(j.extowner)::text END AS owner,
       j.comment
FROM judged j
ORDER BY j.installed IS NULL, j.is_missing DESC, coalesce(j.preloaded, true), coalesce(j.behind, false) DESC, j.name COLLATE "C"
