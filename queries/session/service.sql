-- The administrators' role of the managed service that runs this server, if one does: no role is a superuser there. Every session
-- asks this. Looking up the names takes a fifth of the time that reading pg_roles takes.
SELECT coalesce(pg_catalog.to_regrole('rds_superuser'), pg_catalog.to_regrole('cloudsqlsuperuser'),
                pg_catalog.to_regrole('alloydbsuperuser'), pg_catalog.to_regrole('azure_pg_admin'))::text AS service
