-- What somebody made in a database of the new cluster. From pg_upgrade's info.c (get_rel_infos) and check.c
-- (check_new_cluster_is_empty).
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'm', 'S', 'i') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1
LIMIT 1
