-- Folders of the new version in the old cluster's tablespaces: left by an upgrade that failed. $1 is the folder's name.
-- From pg_upgrade's check.c (check_for_new_tablespace_dir).
SELECT 'stops' AS severity,
       NULL::text AS database,
       'tablespace ' || pg_catalog.quote_ident(t.spcname) AS object,
       'holds files of the new version already: ' || l.location || '/' || $1 AS problem,
       'delete that folder, if no other cluster uses it' AS fix,
       'it is left from an upgrade that failed, or belongs to another cluster' AS why,
       NULL::text AS sql,
       NULL::text AS run_in,
       true AS choice
FROM pg_catalog.pg_tablespace t
CROSS JOIN LATERAL (SELECT pg_catalog.pg_tablespace_location(t.oid) AS location) AS l
WHERE l.location LIKE '/%' AND (pg_catalog.pg_stat_file('pg_tblspc/' || t.oid::text || '/' || $1, true)).isdir
ORDER BY 3
