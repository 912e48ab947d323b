-- Indexes for text search and trigrams where the database's locale is not the C library's. From the release notes of 18,
-- "Migration".
SELECT 'hurts' AS severity,
       pg_catalog.current_database()::text AS database,
       'index ' || pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       'may find other words than before' AS problem,
       'after the upgrade: REINDEX INDEX ' || pg_catalog.format('%I.%I', n.nspname, c.relname) AS fix,
       'since 18, text search and pg_trgm fold case by the database''s own locale provider, not by the C library' AS why,
       NULL::text AS sql,
       NULL::text AS run_in,
       true AS choice
FROM pg_catalog.pg_index x
JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid AND c.relkind = 'i'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE EXISTS (SELECT FROM pg_catalog.pg_opclass o
              WHERE o.oid = ANY (x.indclass::pg_catalog.oid[])
                AND (o.opcintype = 'pg_catalog.tsvector'::pg_catalog.regtype OR o.opcname IN ('gin_trgm_ops', 'gist_trgm_ops')))
  AND (SELECT d.datlocprovider <> 'c' FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
ORDER BY 3
