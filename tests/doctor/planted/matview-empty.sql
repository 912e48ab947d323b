-- Materialized views without data are warnings, except one that is being refreshed.
--
-- since = 10
-- checks = ["matview-empty"]
-- expect = ["warning matview-empty public.M\n1", "warning matview-empty o\"d.emptied"]
CREATE TABLE t (a int);
CREATE MATERIALIZED VIEW "M
1" AS SELECT a FROM t WITH NO DATA;
CREATE SCHEMA "o""d";
CREATE MATERIALIZED VIEW "o""d".emptied AS SELECT a FROM t;
REFRESH MATERIALIZED VIEW "o""d".emptied WITH NO DATA;
-- This view has no rows, but it is populated.
CREATE MATERIALIZED VIEW filled AS SELECT a FROM t;
CREATE MATERIALIZED VIEW filling AS SELECT a, pg_sleep(a)::text AS b FROM (VALUES (60)) AS v (a) WITH NO DATA;
-- @start b
REFRESH MATERIALIZED VIEW filling;
-- @healthy
REFRESH MATERIALIZED VIEW "M
1";
DROP SCHEMA "o""d" CASCADE;
