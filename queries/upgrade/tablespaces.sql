-- Tablespaces within the data directory: pg_upgrade then writes no script that deletes the old cluster, and whoever
-- deletes it by hand deletes them. From pg_upgrade's check.c (create_script_for_old_cluster_deletion).
SELECT 'hurts' AS severity,
       NULL::text AS database,
       'tablespace ' || pg_catalog.quote_ident(t.spcname) AS object,
       'lies in the data directory: ' || l.location AS problem,
       'move what is in it to another tablespace, or delete nothing of the old cluster by hand' AS fix,
       'deleting the old data directory after the upgrade would delete the new cluster''s files too' AS why,
       NULL::text AS sql,
       NULL::text AS run_in,
       true AS choice
FROM pg_catalog.pg_tablespace t
CROSS JOIN LATERAL (SELECT pg_catalog.pg_tablespace_location(t.oid) AS location) AS l
CROSS JOIN (SELECT pg_catalog.rtrim(pg_catalog.current_setting('data_directory'), '/') || '/' AS folder) AS d
WHERE l.location <> '' AND (l.location NOT LIKE '/%' OR pg_catalog.left(l.location, pg_catalog.length(d.folder)) = d.folder)
ORDER BY 3
