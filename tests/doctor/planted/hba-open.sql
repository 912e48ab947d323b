-- Rules in pg_hba.conf that are open to other machines are found. Rules that are local or never reached are not.
--
-- since = 10
-- own = true
-- settings = ["listen_addresses = '*'"]
-- checks = ["hba-open"]
-- expect = ["critical hba-open pg_hba.conf:4", "warning hba-open pg_hba.conf:5", "warning hba-open pg_hba.conf:9", "warning hba-open pg_hba.conf:10", "critical hba-open pg_hba.conf:12", "critical hba-open pg_hba.conf:13", "warning hba-open pg_hba.conf:14"]
-- text = ["host all app 10.0.0.0 255.0.0.0 trust", "without encryption", "in clear text"]
DO $$BEGIN
    EXECUTE format('COPY (SELECT unnest(%L::text[])) TO %L', ARRAY[
        'local all all trust',
        'host all all 127.0.0.1/32 trust',
        'host all all ::1/128 trust',
        'host all app 10.0.0.0/8 trust',
        'host all all 192.168.1.0/24 md5',
        'host all all samehost trust',
        'host all bad 0.0.0.0/0 reject',
        'host all bad 1.2.0.0/16 trust',
        'host db "all" all password',
        'host all all 0.0.0.0/0 scram-sha-256',
        'host all all 5.0.0.0/8 trust',
        'host replication all 5.0.0.0/8 trust',
        'host all all .example.com trust',
        'host all all .example.org ident',
        'host all all all reject',
        'host x y samenet trust'], current_setting('hba_file'));
END$$;
-- @healthy
DO $$BEGIN
    EXECUTE format('COPY (SELECT unnest(%L::text[])) TO %L', ARRAY[
        'local all all trust',
        'host all all 127.0.0.1/32 trust',
        'host all all 10.0.0.0/8 scram-sha-256',
        'host all all all reject'], current_setting('hba_file'));
END$$;
