-- Records since when runners have been expected.
INSERT INTO :"schema".pgkit_runner (id, kind, host, pid, version, file, file_hash, jobs, slots, running, since, seen)
VALUES ('init', 'init', '', 0, '', '', '', '{}', 0, 0, pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp())
ON CONFLICT (id) DO NOTHING
