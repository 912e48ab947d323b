-- Prepared transactions. From pg_upgrade's check.c (check_for_prepared_transactions).
SELECT 'stops' AS severity,
       x.database::text AS database,
       'prepared transaction ' || pg_catalog.quote_literal(x.gid) AS object,
       pg_catalog.format('of %s, prepared at %s', x.owner, pg_catalog.date_trunc('second', x.prepared)) AS problem,
       'commit it or roll it back' AS fix,
       'the way they are stored may differ, so pg_upgrade stops where there is one' AS why,
       pg_catalog.format('ROLLBACK PREPARED %L;', x.gid) AS sql,
       x.database::text AS run_in,
       true AS choice
FROM pg_catalog.pg_prepared_xacts x
ORDER BY 2, 3
