-- What the server, or every session of it, loads at its start; a role without pg_read_all_settings does not see it.
SELECT NULL::text AS database,
       pg_catalog.btrim(l.name, ' "') AS library,
       NULL::text AS extension,
       NULL::text AS language,
       NULL::text AS function,
       NULL::text AS slot,
       0 AS functions,
       '{}'::text[] AS names,
       NULL::text AS sql
FROM pg_catalog.pg_settings s
CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.string_to_array(s.setting, ',')) AS l (name)
WHERE s.name = 'shared_preload_libraries' AND pg_catalog.btrim(l.name, ' "') <> ''
ORDER BY 2
