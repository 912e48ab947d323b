SELECT x.name
FROM (SELECT pg_catalog.quote_ident(n.nspname) || '.' AS name
      FROM pg_catalog.pg_namespace n
      WHERE n.nspname !~ '^pg_(toast|temp_)'
      UNION
      SELECT pg_catalog.quote_ident(c.relname)
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
        AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(toast|temp_)'
      UNION
      SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname !~ '^pg_(toast|temp_)'
        AND pg_catalog.strpos($1, '.') > 0) AS x
WHERE pg_catalog.left(x.name, pg_catalog.length($1)) = $1
ORDER BY x.name COLLATE "C"
LIMIT 500
