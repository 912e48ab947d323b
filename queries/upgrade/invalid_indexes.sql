-- Indexes that are not valid: left by a CREATE INDEX CONCURRENTLY that failed, or a partitioned index without all its parts.
SELECT 'hurts' AS severity,
       pg_catalog.current_database()::text AS database,
       'index ' || pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       'is not valid' AS problem,
       CASE c.relkind WHEN 'I' THEN 'attach an index of every partition to it, or drop it'
                      ELSE 'build it anew, or drop it' END AS fix,
       CASE c.relkind WHEN 'I' THEN 'it stays as it is'
                      ELSE 'pg_upgrade leaves it out: it is gone afterwards' END AS why,
       CASE WHEN c.relkind = 'i' THEN pg_catalog.format('REINDEX INDEX %I.%I;', n.nspname, c.relname) END AS sql,
       pg_catalog.current_database()::text AS run_in,
       true AS choice
FROM pg_catalog.pg_index x
JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE NOT (x.indisvalid AND x.indisready) AND n.nspname !~ '^pg_(toast_)?temp_'
ORDER BY 3
