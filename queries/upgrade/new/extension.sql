-- What the new server has of the extension $1: the version it would make, and whether a way leads there from $2.
SELECT a.default_version AS newest,
       EXISTS (SELECT FROM pg_catalog.pg_available_extension_versions v WHERE v.name = $1 AND v.version = $2) AS has_version,
       EXISTS (SELECT FROM pg_catalog.pg_extension_update_paths($1::pg_catalog.name) AS p
               WHERE p.source = $2 AND p.target = a.default_version AND p.path IS NOT NULL) AS has_path
FROM pg_catalog.pg_available_extensions a
WHERE a.name = $1
