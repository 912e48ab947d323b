-- Where the server keeps its files, with the number of the process that answers.
SELECT x.what, x.path, pg_catalog.pg_backend_pid() AS pid
FROM (SELECT 1 AS place, 'the data' AS what, pg_catalog.current_setting('data_directory') AS path
      UNION ALL
      SELECT 2, 'the WAL', pg_catalog.current_setting('data_directory') || '/pg_wal'
      UNION ALL
      SELECT 3, 'tablespace ' || t.spcname::text, pg_catalog.pg_tablespace_location(t.oid)
      FROM pg_catalog.pg_tablespace t
      WHERE pg_catalog.pg_tablespace_location(t.oid) <> '') AS x
ORDER BY x.place, x.what COLLATE "C"
