-- The administrators' role of the managed service that runs this server, if one does: no role is a superuser there. Looking the names
-- up takes a fifth of the time of reading pg_roles, and every session asks this.
SELECT coalesce(pg_catalog.to_regrole('rds_superuser'), pg_catalog.to_regrole('cloudsqlsuperuser'),
                pg_catalog.to_regrole('alloydbsuperuser'), pg_catalog.to_regrole('azure_pg_admin'))::text AS service
