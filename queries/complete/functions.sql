SELECT x.name
FROM (SELECT pg_catalog.quote_ident(n.nspname) || '.' AS name
      FROM pg_catalog.pg_namespace n
      WHERE n.nspname !~ '^pg_(toast|temp_)'
      UNION
      SELECT pg_catalog.quote_ident(p.proname)
      FROM pg_catalog.pg_proc p
      JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema'
      UNION
      SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname)
      FROM pg_catalog.pg_proc p
      JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
      WHERE pg_catalog.strpos($1, '.') > 0) AS x
WHERE pg_catalog.left(x.name, pg_catalog.length($1)) = $1
ORDER BY x.name COLLATE "C"
LIMIT 500
