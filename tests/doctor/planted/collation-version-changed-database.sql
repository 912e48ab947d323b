-- If the version of the database's own collation has changed, the indexes on plain text columns are counted.
--
-- since = 17
-- checks = ["collation-version-changed"]
-- expect = ["critical collation-version-changed {database}"]
-- text = ["out of order: 3, 2 of them unique"]
CREATE TABLE t (a text PRIMARY KEY, b int UNIQUE, c text COLLATE "C" UNIQUE, d varchar(10), e text UNIQUE);
CREATE INDEX ON t (d);
UPDATE pg_database SET datlocprovider = 'i', datlocale = 'en', datcollversion = '1' WHERE datname = current_database();
-- @healthy
REINDEX TABLE t;
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I REFRESH COLLATION VERSION', current_database()); END $$;
