-- Tablespaces that cannot be made in the new cluster: their folder is gone, or they are in-place ones, which stand in the
-- data directory and have no folder of their own. Only who may read files of the server sees the first. Before 11 nobody may
-- name a path outside the data directory; the link in it leads there.
SELECT 'stops' AS severity,
       NULL::text AS database,
       'tablespace ' || pg_catalog.quote_ident(t.spcname) AS object,
       CASE WHEN l.location LIKE '/%' THEN 'has no folder any more: ' || l.location ELSE 'is an in-place tablespace' END AS problem,
       CASE WHEN l.location LIKE '/%' THEN 'drop it, or make the folder anew, if nothing is in it'
            ELSE 'move what is in it to another tablespace, and drop it' END AS fix,
       CASE WHEN l.location LIKE '/%' THEN 'pg_upgrade makes it again with CREATE TABLESPACE, which wants the folder'
            ELSE 'pg_upgrade makes it again with CREATE TABLESPACE, which takes no relative path' END AS why,
       pg_catalog.format('DROP TABLESPACE %I;', t.spcname) AS sql,
       NULL::text AS run_in,
       true AS choice
FROM pg_catalog.pg_tablespace t
CROSS JOIN LATERAL (SELECT pg_catalog.pg_tablespace_location(t.oid) AS location) AS l
WHERE l.location <> ''
  AND (l.location NOT LIKE '/%' OR (pg_catalog.pg_stat_file('pg_tblspc/' || t.oid::text, true)).isdir IS NOT TRUE)
ORDER BY 3
