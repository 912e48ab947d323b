-- Roles that may make roles, and lose what CREATEROLE meant before 16. From the release notes of 16.
SELECT 'hurts' AS severity,
       NULL::text AS database,
       'role ' || pg_catalog.quote_ident(r.rolname) AS object,
       'has CREATEROLE, which means less since 16' AS problem,
       'after the upgrade: GRANT the roles that it looks after TO it WITH ADMIN OPTION' AS fix,
       'before 16, CREATEROLE may change every role that is not a superuser; since 16, only those that it holds with ADMIN OPTION' AS why,
       NULL::text AS sql,
       NULL::text AS run_in,
       true AS choice
FROM pg_catalog.pg_roles r
WHERE r.rolcreaterole AND NOT r.rolsuper AND r.rolname !~ '^pg_'
ORDER BY 3
