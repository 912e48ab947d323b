-- The version that the library of provider $1 has for the locale $2; no row where the new server does not know it.
SELECT pg_catalog.pg_collation_actual_version(c.oid) AS version
FROM pg_catalog.pg_collation c
CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(c) AS j) AS t
WHERE c.collprovider::text = $1
  AND COALESCE(t.j ->> 'colllocale', t.j ->> 'colliculocale', c.collcollate::text) = $2
ORDER BY c.oid
LIMIT 1
