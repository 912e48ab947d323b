-- Rules that are open to other machines are only noted while the server listens to none.
--
-- since = 10
-- own = true
-- checks = ["hba-open"]
-- expect = ["note hba-open pg_hba.conf:2"]
-- text = ["the server now listens to no other machine"]
DO $$BEGIN
    EXECUTE format('COPY (SELECT unnest(%L::text[])) TO %L', ARRAY[
        'local all all trust',
        'host all app 10.0.0.0/8 trust'], current_setting('hba_file'));
END$$;
-- @healthy
DO $$BEGIN
    EXECUTE format('COPY (SELECT unnest(%L::text[])) TO %L', ARRAY[
        'local all all trust',
        'host all app 10.0.0.0/8 scram-sha-256'], current_setting('hba_file'));
END$$;
