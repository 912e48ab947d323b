-- What a server of the new version is, asked of a throwaway one. Every server has an ICU collation with a low OID;
-- initdb makes the others, where ICU is there.
SELECT pg_catalog.to_jsonb(i) AS control,
       (SELECT s.catalog_version_no::text FROM pg_catalog.pg_control_system() AS s) AS catalog_version,
       EXISTS (SELECT FROM pg_catalog.pg_collation c WHERE c.collprovider = 'i' AND c.oid >= 10000) AS has_icu,
       (SELECT s.setting FROM pg_catalog.pg_settings s WHERE s.name = 'output_plugin_libraries') AS output_plugins
FROM pg_catalog.pg_control_init() AS i
