-- Lets a role read the server's log, and nothing else: EXECUTE on pg_read_binary_file would open every file of the
-- cluster, password verifiers included. Run it as a superuser in the database that pgkit connects to.
-- A role that can read the log also reads other people's statements, and passwords in them.
BEGIN;
CREATE SCHEMA IF NOT EXISTS pgkit;

CREATE OR REPLACE FUNCTION pgkit.log_files(OUT name text, OUT size bigint, OUT modification timestamptz)
RETURNS SETOF record LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT l.name, l.size, l.modification FROM pg_catalog.pg_ls_logdir() AS l $$;

CREATE OR REPLACE FUNCTION pgkit.current_log(format text)
RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_catalog.pg_current_logfile($1) $$;

CREATE OR REPLACE FUNCTION pgkit.read_log(file text, from_byte bigint, bytes bigint)
RETURNS bytea LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
SELECT pg_catalog.pg_read_binary_file(pg_catalog.current_setting('log_directory') || '/' || l.name, $2, $3, true)
FROM pg_catalog.pg_ls_logdir() AS l
WHERE l.name = $1
$$;

REVOKE ALL ON FUNCTION pgkit.log_files(), pgkit.current_log(text), pgkit.read_log(text, bigint, bigint) FROM PUBLIC;
GRANT USAGE ON SCHEMA pgkit TO :role;
GRANT EXECUTE ON FUNCTION pgkit.log_files(), pgkit.current_log(text), pgkit.read_log(text, bigint, bigint) TO :role;
COMMIT;
