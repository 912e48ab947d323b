    -- Whether other machines can connect at all.
    SELECT EXISTS (SELECT FROM pg_catalog.regexp_split_to_table(pg_catalog.current_setting('listen_addresses'), '\s*,\s*') AS a (address)
                   WHERE pg_catalog.btrim(a.address) NOT IN ('', 'localhost', '::1') AND pg_catalog.btrim(a.address) !~ '^127[.]') AS is_reachable
