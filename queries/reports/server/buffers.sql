-- What is in shared_buffers: relations of this database, and other databases.
--
-- since   = 10
-- needs   = "pg_monitor, or SELECT on pg_buffercache with EXECUTE on its functions"
-- source  = "pg_buffercache"
-- scope   = "database"
-- example = "pgkit buffers --limit 20"
-- reading = "share_pct is the share of shared_buffers that a relation takes, cached_pct how much of the relation is there. Large relations with a low usage_avg push others out."
-- notes   = "The size of a relation is that at its last VACUUM. What is there in full and used much is well cached (pgkit cache). The report reads every buffer's header: do not --watch it where shared_buffers is large; --summary is cheap from 16 on."
-- key     = ["scope", "schema", "name", "kind"]
-- include buffers_header
-- [[hidden]]
-- when = "true"
-- says = "what is in shared_buffers is not shown; pg_monitor shows it, or GRANT SELECT on pg_buffercache with EXECUTE on its functions"
SELECT 'shared_buffers'::text AS scope, NULL::text AS schema, NULL::text AS name, NULL::text AS kind, NULL::int8 AS cached_bytes,
       NULL::float8 AS share_pct, NULL::float8 AS cached_pct, NULL::int8 AS dirty_bytes, NULL::float8 AS usage_avg, NULL::text AS "table"
ORDER BY 1
