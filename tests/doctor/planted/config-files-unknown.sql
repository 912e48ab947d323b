-- An unknown parameter keeps the server from applying any other one, but only the unknown one is reported.
--
-- since = 10
-- own = true
-- checks = ["config-file-errors"]
-- expect = ["critical config-file-errors postgresql.auto.conf:2"]
-- text = ["no_such_setting: unrecognized configuration parameter"]
DO $$BEGIN
    EXECUTE format('COPY (SELECT unnest(%L::text[])) TO %L', ARRAY[
        'work_mem = ''5MB''',
        'no_such_setting = 1'], current_setting('data_directory') || '/postgresql.auto.conf');
END$$;
-- @healthy
DO $$BEGIN
    EXECUTE format('COPY (SELECT unnest(%L::text[])) TO %L', ARRAY['work_mem = ''5MB'''], current_setting('data_directory') || '/postgresql.auto.conf');
END$$;
