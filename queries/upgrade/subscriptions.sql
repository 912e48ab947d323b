-- Subscriptions of this database. From pg_upgrade's check.c (check_old_cluster_subscription_state): carried over with
-- their state from a server of 17 on, and only where no table is in the middle of its first copy.
SELECT CASE WHEN v.old < 17 THEN 'hurts' ELSE 'stops' END AS severity,
       pg_catalog.current_database()::text AS database,
       'subscription ' || pg_catalog.quote_ident(s.subname) AS object,
       CASE WHEN v.old < 17 THEN 'loses its state'
            WHEN o.roname IS NULL THEN 'has no replication origin'
            ELSE pg_catalog.format('is in the middle of copying %s tables', r.busy) END AS problem,
       CASE WHEN v.old < 17 THEN 'after the upgrade: enable it, and REFRESH PUBLICATION WITH (copy_data = false) where nothing was missed'
            WHEN o.roname IS NULL THEN 'drop it and make it again'
            ELSE 'wait until the first copy is done' END AS fix,
       CASE WHEN v.old < 17 THEN 'before 17 pg_upgrade restores subscriptions disabled and without what they had copied'
            ELSE 'pg_upgrade carries a subscription over with its origin, and only with tables in the states i or r' END AS why,
       NULL::text AS sql,
       NULL::text AS run_in,
       true AS choice
FROM pg_catalog.pg_subscription s
JOIN pg_catalog.pg_database d ON d.oid = s.subdbid AND d.datname = pg_catalog.current_database()
CROSS JOIN (SELECT pg_catalog.current_setting('server_version_num')::int / 10000 AS old) AS v
LEFT JOIN pg_catalog.pg_replication_origin o ON o.roname = 'pg_' || s.oid::text
CROSS JOIN LATERAL (SELECT pg_catalog.count(*) AS busy FROM pg_catalog.pg_subscription_rel r
                    WHERE r.srsubid = s.oid AND r.srsubstate NOT IN ('i', 'r')) AS r
WHERE v.old < 17 OR o.roname IS NULL OR r.busy > 0
ORDER BY 3
