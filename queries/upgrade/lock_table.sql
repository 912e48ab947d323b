-- How many locks the server has room for (lock.c: NLOCKENTS; which processes count differs from version to version), and
-- how many are held in that room now.
SELECT s.per_transaction * (s.sessions + s.others + s.prepared) AS room,
       s.sessions + s.others + s.prepared AS processes,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks l WHERE NOT l.fastpath) AS held
FROM (SELECT pg_catalog.current_setting('max_locks_per_transaction')::bigint AS per_transaction,
             pg_catalog.current_setting('max_connections')::bigint AS sessions,
             pg_catalog.current_setting('max_prepared_transactions')::bigint AS prepared,
             1 + COALESCE(pg_catalog.current_setting('autovacuum_worker_slots', true),
                          pg_catalog.current_setting('autovacuum_max_workers'))::bigint
               + pg_catalog.current_setting('max_worker_processes')::bigint
               + CASE WHEN v.version >= 12 THEN pg_catalog.current_setting('max_wal_senders')::bigint ELSE 0 END
               + CASE WHEN v.version >= 18 THEN 2 ELSE 0 END AS others
      FROM (SELECT pg_catalog.current_setting('server_version_num')::int / 10000 AS version) AS v) AS s
