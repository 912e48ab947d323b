-- Roles whose password is kept as MD5. Only a superuser sees that.
SELECT CASE WHEN $1 >= 18 THEN 'hurts' ELSE 'note' END AS severity,
       NULL::text AS database,
       'role ' || pg_catalog.quote_ident(a.rolname) AS object,
       'has its password as MD5' AS problem,
       'set password_encryption = ''scram-sha-256'', and the password anew (psql: \password)' AS fix,
       'MD5 passwords are deprecated since 18, which warns about them, and will go away' AS why,
       NULL::text AS sql,
       NULL::text AS run_in,
       true AS choice
FROM pg_catalog.pg_authid a
WHERE a.rolpassword ~ '^md5[0-9a-f]{32}$'
ORDER BY 3
