-- Databases whose default collation had another version when they were made.
SELECT 'hurts' AS severity,
       d.datname::text AS database,
       'default collation of ' || pg_catalog.quote_ident(d.datname) AS object,
       pg_catalog.format('has the version %s, and its library now is %s', d.datcollversion, a.version) AS problem,
       'rebuild its indexes on text, then refresh the version' AS fix,
       'text is in another order than when its indexes were built; pg_upgrade carries them over as they are' AS why,
       pg_catalog.format(E'REINDEX DATABASE %1$I;\nALTER DATABASE %1$I REFRESH COLLATION VERSION;', d.datname) AS sql,
       d.datname::text AS run_in,
       true AS choice
FROM pg_catalog.pg_database d
CROSS JOIN LATERAL (SELECT pg_catalog.pg_database_collation_actual_version(d.oid) AS version) AS a
WHERE d.datcollversion <> a.version AND d.datallowconn AND d.datconnlimit <> -2
ORDER BY 2
