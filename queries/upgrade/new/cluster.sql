-- What a new cluster that is already made is, asked of a copy of it.
SELECT (SELECT r.oid = 10 FROM pg_catalog.pg_roles r WHERE r.rolname = current_user) AS is_install_user,
       ARRAY(SELECT r.rolname::text FROM pg_catalog.pg_roles r
             WHERE r.rolname !~ '^pg_' AND r.oid <> 10 ORDER BY r.rolname) AS other_roles,
       ARRAY(SELECT d.datname::text FROM pg_catalog.pg_database d WHERE d.datallowconn ORDER BY d.datname) AS databases,
       pg_catalog.pg_encoding_to_char(t.encoding)::text AS encoding,
       COALESCE(j.j ->> 'datlocprovider', 'c') AS provider,
       t.datcollate::text AS collate,
       t.datctype::text AS ctype,
       COALESCE(j.j ->> 'datlocale', j.j ->> 'daticulocale') AS locale
FROM pg_catalog.pg_database t
CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(t) AS j) AS j
WHERE t.datname = 'template0'
