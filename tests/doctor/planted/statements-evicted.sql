-- If pg_stat_statements evicts statements all the time, there is a note.
--
-- since = 14
-- settings = ["shared_preload_libraries = 'pg_stat_statements'", "pg_stat_statements.max = 100"]
-- for = "3s"
-- checks = ["statements-evicted"]
-- expect = ["note statements-evicted"]
CREATE EXTENSION pg_stat_statements;
-- @during b
DO $$BEGIN FOR i IN 1..300 LOOP EXECUTE format('SELECT 1 AS c%s', i * 1000 + (random() * 999)::int); END LOOP; END$$;
-- @healthy
DROP EXTENSION pg_stat_statements;
