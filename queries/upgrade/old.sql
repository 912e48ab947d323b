-- What the old cluster is: who made it, and how. template0 has the locale that initdb gave it. Columns that not every
-- version has come by way of to_jsonb.
SELECT (SELECT r.rolname::text FROM pg_catalog.pg_roles r WHERE r.oid = 10) AS install_user,
       current_user::text AS current_user,
       (SELECT r.oid = 10 FROM pg_catalog.pg_roles r WHERE r.rolname = current_user) AS is_install_user,
       (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user) AS is_superuser,
       pg_catalog.pg_is_in_recovery() AS is_standby,
       pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding,
       COALESCE(t.j ->> 'datlocprovider', 'c') AS provider,
       d.datcollate::text AS collate,
       d.datctype::text AS ctype,
       COALESCE(t.j ->> 'datlocale', t.j ->> 'daticulocale') AS locale,
       t.j ->> 'daticurules' AS icu_rules,
       pg_catalog.to_jsonb(i) AS control
FROM pg_catalog.pg_database d
CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(d) AS j) AS t
CROSS JOIN pg_catalog.pg_control_init() AS i
WHERE d.datname = 'template0'
