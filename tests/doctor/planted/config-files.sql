-- Values that cannot be applied are critical. Duplicates, and values that await a restart, are no file errors.
--
-- since = 10
-- own = true
-- checks = ["config-file-errors", "pending-restart"]
-- expect = ["critical config-file-errors postgresql.auto.conf:3", "critical config-file-errors pg_hba.conf:3", "note pending-restart max_connections"]
-- text = ["maintenance_work_mem: setting could not be applied", "no-such-method"]
DO $$BEGIN
    EXECUTE format('COPY (SELECT unnest(%L::text[])) TO %L', ARRAY[
        'work_mem = ''5MB''',
        'max_connections = 123',
        'maintenance_work_mem = ''5 elephants''',
        'work_mem = ''6MB''',
        'my.own = 1'], current_setting('data_directory') || '/postgresql.auto.conf');
    EXECUTE format('COPY (SELECT unnest(%L::text[])) TO %L', ARRAY[
        'local all all trust',
        'hostssl all all all scram-sha-256',
        'host all all 127.0.0.1/32 no-such-method',
        'host all all 127.0.0.1/32 trust'], current_setting('hba_file'));
END$$;
SELECT pg_reload_conf();
SELECT pg_sleep(0.3);
-- @healthy
DO $$BEGIN
    EXECUTE format('COPY (SELECT unnest(%L::text[])) TO %L', ARRAY[
        'max_connections = ' || current_setting('max_connections')], current_setting('data_directory') || '/postgresql.auto.conf');
    EXECUTE format('COPY (SELECT unnest(%L::text[])) TO %L', ARRAY[
        'local all all trust',
        'host all all 127.0.0.1/32 trust'], current_setting('hba_file'));
END$$;
SELECT pg_reload_conf();
SELECT pg_sleep(0.3);
