-- Postfix operators of one's own. From pg_upgrade's check.c (check_for_user_defined_postfix_ops).
SELECT 'stops' AS severity,
       pg_catalog.current_database()::text AS database,
       pg_catalog.format('operator %I.%s (%s, NONE)', n.nspname, o.oprname, pg_catalog.format_type(o.oprleft, NULL)) AS object,
       'is a postfix operator' AS problem,
       'drop it; call its function, or make it a prefix operator' AS fix,
       'postfix operators went away in 14' AS why,
       pg_catalog.format('DROP OPERATOR %I.%s (%s, NONE);', n.nspname, o.oprname, pg_catalog.format_type(o.oprleft, NULL)) AS sql,
       pg_catalog.current_database()::text AS run_in,
       true AS choice
FROM pg_catalog.pg_operator o
JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
WHERE o.oprright = 0 AND o.oprleft <> 0 AND o.oid >= 16384
ORDER BY 3
