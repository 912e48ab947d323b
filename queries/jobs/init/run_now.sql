-- Asks the runners to run a job. Whoever may insert into pgkit_request and read pgkit_runner may do so.
CREATE FUNCTION :"schema".pgkit_run_now(app_name text, forced boolean DEFAULT true) RETURNS bigint
LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp
AS :'body'
