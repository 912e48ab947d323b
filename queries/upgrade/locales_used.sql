-- The locales of this database whose library has a version, as that library is now: the default one and those of
-- collations of one's own.
SELECT 'default collation of ' || pg_catalog.quote_ident(d.datname) AS object,
       d.datlocprovider::text AS provider,
       COALESCE(t.j ->> 'datlocale', t.j ->> 'daticulocale', d.datcollate::text) AS locale,
       pg_catalog.pg_database_collation_actual_version(d.oid) AS version
FROM pg_catalog.pg_database d
CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(d) AS j) AS t
WHERE d.datname = pg_catalog.current_database() AND pg_catalog.pg_database_collation_actual_version(d.oid) IS NOT NULL
UNION ALL
SELECT 'collation ' || pg_catalog.format('%I.%I', n.nspname, c.collname), c.collprovider::text,
       COALESCE(t.j ->> 'colllocale', t.j ->> 'colliculocale', c.collcollate::text),
       pg_catalog.pg_collation_actual_version(c.oid)
FROM pg_catalog.pg_collation c
JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(c) AS j) AS t
WHERE c.oid >= 16384 AND c.collprovider <> 'd' AND pg_catalog.pg_collation_actual_version(c.oid) IS NOT NULL
ORDER BY 1
