-- What stores the outcome of functions that follow the Unicode version, where the database's locale is PostgreSQL's own:
-- that moved on in 18. From pg_upgrade's check.c of 18 (check_for_unicode_update), which warns of it.
WITH moving (pattern) AS (
    SELECT '(:funcid (' || pg_catalog.string_agg(p.oid::text, '|') || ') )'
    FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
      AND (p.proname IN ('lower', 'upper', 'initcap', 'casefold', 'normalize', 'is_normalized', 'unicode_assigned')
           OR p.proname LIKE 'regexp\_%')
    UNION ALL
    SELECT '(:opno (' || pg_catalog.string_agg(o.oid::text, '|') || ') )'
    FROM pg_catalog.pg_operator o
    WHERE o.oprnamespace = 'pg_catalog'::pg_catalog.regnamespace AND o.oprname IN ('~', '~*', '!~', '!~*', '~~*', '!~~*')
      AND o.oprright = 'pg_catalog.text'::pg_catalog.regtype
), one (pattern) AS (
    SELECT pg_catalog.string_agg(m.pattern, '|') FROM moving m
), stored (relid) AS (
    SELECT i.indexrelid FROM pg_catalog.pg_index i, one
    WHERE i.indexprs::text ~ one.pattern OR i.indpred::text ~ one.pattern
    UNION
    SELECT c.conrelid FROM pg_catalog.pg_constraint c, one WHERE c.conbin::text ~ one.pattern
    UNION
    SELECT p.partrelid FROM pg_catalog.pg_partitioned_table p, one WHERE p.partexprs::text ~ one.pattern
)
SELECT 'hurts' AS severity,
       pg_catalog.current_database()::text AS database,
       CASE WHEN c.relkind IN ('i', 'I') THEN 'index ' ELSE 'table ' END || pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       'may depend on the version of Unicode' AS problem,
       CASE WHEN c.relkind IN ('i', 'I') THEN 'after the upgrade: REINDEX it, if it holds rare characters'
            ELSE 'after the upgrade: look whether its rows still fit its constraints or partitions' END AS fix,
       'lower(), regular expressions and the like follow Unicode 16 since 18, where the locale is PostgreSQL''s own' AS why,
       NULL::text AS sql,
       NULL::text AS run_in,
       true AS choice
FROM stored s
JOIN pg_catalog.pg_class c ON c.oid = s.relid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND (SELECT d.datlocprovider = 'b' AND d.datlocale <> 'C' FROM pg_catalog.pg_database d
       WHERE d.datname = pg_catalog.current_database())
ORDER BY 3
