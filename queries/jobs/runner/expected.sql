-- Records since when runners have been expected: $1 host, $2 pid, $3 version.
INSERT INTO :"schema".pgkit_runner (id, kind, host, pid, version, file, file_hash, jobs, slots, running, since, seen)
VALUES ('init', 'init', $1::text, $2::int8, $3::text, '', '', '{}', 0, 0, pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp())
ON CONFLICT (id) DO NOTHING
