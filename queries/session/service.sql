-- The administrators' role of the managed service that runs this server, if one does: no role is a superuser there.
SELECT (SELECT pg_catalog.min(r.rolname::text)
        FROM pg_catalog.pg_roles r
        WHERE r.rolname IN ('rds_superuser', 'cloudsqlsuperuser', 'alloydbsuperuser', 'azure_pg_admin')) AS service
