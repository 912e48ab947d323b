-- Extensions whose files are missing, and extensions that were not updated, are found.
--
-- since = 11
-- checks = ["extension-files-missing", "extension-behind"]
-- expect = ["critical extension-files-missing gone \"one\"", "warning extension-behind pg_stat_statements", "note extension-behind pg_trgm"]
CREATE EXTENSION pg_stat_statements VERSION '1.7';
CREATE EXTENSION pg_trgm VERSION '1.3';
CREATE EXTENSION citext;
CREATE EXTENSION hstore;
-- The installed version is newer than the available one, so it is not reported.
UPDATE pg_extension SET extversion = '99.1' WHERE extname = 'hstore';
CREATE EXTENSION tablefunc;
UPDATE pg_extension SET extname = 'gone "one"' WHERE extname = 'tablefunc';
-- @healthy
ALTER EXTENSION pg_stat_statements UPDATE;
ALTER EXTENSION pg_trgm UPDATE;
UPDATE pg_extension SET extname = 'tablefunc' WHERE extname = 'gone "one"';
