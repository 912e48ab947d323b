-- A database whose DROP was interrupted is a warning below 10 GB.
--
-- since = 10
-- own = true
-- checks = ["invalid-database"]
-- expect = ["warning invalid-database Half \"gone", "warning invalid-database template_gone"]
CREATE DATABASE "Half ""gone";
CREATE DATABASE template_gone TEMPLATE template0;
-- Databases with a connection limit, or that allow no connections, are not reported.
CREATE DATABASE closed ALLOW_CONNECTIONS false;
CREATE DATABASE nobody CONNECTION LIMIT 0;
CREATE DATABASE few CONNECTION LIMIT 2;
UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'Half "gone';
UPDATE pg_database SET datconnlimit = -2, datistemplate = true, datallowconn = false WHERE datname = 'template_gone';
-- @healthy
UPDATE pg_database SET datistemplate = false WHERE datname = 'template_gone';
DROP DATABASE "Half ""gone";
DROP DATABASE template_gone;
