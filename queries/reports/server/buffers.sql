-- What is in shared_buffers: relations of this database, and other databases.
--
-- since   = 10
-- needs   = "pg_monitor, or SELECT on pg_buffercache with EXECUTE on its functions"
-- source  = "pg_buffercache"
-- scope   = "database"
-- example = "pgkit buffers --limit 20"
-- reading = "share_pct is the share of shared_buffers that a relation takes, cached_pct how much of the relation is there. Large relations with a low usage_avg push others out."
-- notes   = "The size of a relation is its size at the last VACUUM. A relation that is wholly in shared_buffers and used often is well cached; see pgkit cache. The report reads the header of every buffer, so do not run it with --watch where shared_buffers is large. From PostgreSQL 16 on, --summary is cheap."
-- key     = ["scope", "schema", "name", "kind"]
-- include buffers_header
-- [[hidden]]
-- when = "true"
-- says = "what is in shared_buffers is not shown; pg_monitor shows it, or GRANT SELECT on pg_buffercache with EXECUTE on its functions"
SELECT 'shared_buffers'::text AS scope, NULL::text AS schema, NULL::text AS name, NULL::text AS kind, NULL::int8 AS cached_bytes,
       NULL::float8 AS share_pct, NULL::float8 AS cached_pct, NULL::int8 AS dirty_bytes, NULL::float8 AS usage_avg, NULL::text AS "table"
ORDER BY 1
