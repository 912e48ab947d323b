-- Replication slots. From pg_upgrade's check.c (check_old_cluster_for_valid_slots) and the manual of pg_upgrade: logical
-- slots are carried over from a server of 17 on, physical ones never.
SELECT s.severity AS severity,
       s.database AS database,
       s.slot_type || ' replication slot ' || pg_catalog.quote_ident(s.slot_name) AS object,
       s.problem AS problem,
       CASE s.problem
           WHEN 'is invalid' THEN 'drop it, and build its subscriber anew'
           WHEN 'is carried over' THEN 'let its subscriber catch up before the old server is shut down'
           WHEN 'is lost' THEN CASE s.slot_type WHEN 'logical' THEN 'make it again, and let its subscriber start anew'
                                                ELSE 'make it again, and the standby with it' END
       END AS fix,
       CASE s.problem
           WHEN 'is invalid' THEN 'pg_upgrade carries logical slots over, and stops at one that lost the WAL it needs'
           WHEN 'is carried over' THEN 'a slot that has not consumed all WAL at shutdown stops pg_upgrade; a check on a running server cannot tell'
           ELSE CASE s.slot_type WHEN 'logical' THEN 'pg_upgrade carries logical slots over from PostgreSQL 17 on'
                                 ELSE 'pg_upgrade carries no physical slots over' END
       END AS why,
       CASE WHEN s.problem = 'is invalid'
            THEN pg_catalog.format('SELECT pg_catalog.pg_drop_replication_slot(%L);', s.slot_name) END AS sql,
       s.database AS run_in,
       true AS choice
FROM (SELECT r.slot_name::text AS slot_name, r.slot_type AS slot_type, r.database::text AS database,
             CASE WHEN r.slot_type = 'physical' OR v.old < 17 THEN 'is lost'
                  WHEN r.lost THEN 'is invalid'
                  ELSE 'is carried over' END AS problem,
             CASE WHEN r.slot_type = 'physical' THEN 'hurts'
                  WHEN v.old < 17 THEN 'hurts'
                  WHEN r.lost THEN 'stops'
                  ELSE 'note' END AS severity
      FROM (SELECT a.*, pg_catalog.to_jsonb(a) ->> 'invalidation_reason' IS NOT NULL AS lost
            FROM pg_catalog.pg_replication_slots a) AS r
      CROSS JOIN (SELECT pg_catalog.current_setting('server_version_num')::int / 10000 AS old) AS v
      WHERE NOT r.temporary) AS s
ORDER BY 2, 3
