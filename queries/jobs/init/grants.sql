-- GRANT statements that give other roles the same rights on the new table $1 of schema $2 that they have on pgkit_job:
-- a role that uses one of the tables needs the other.
SELECT pg_catalog.format('GRANT %s ON %I.%I TO %s', pg_catalog.string_agg(DISTINCT a.privilege_type, ', '::text), n.nspname, $1::text,
                         CASE WHEN a.grantee = 0::oid THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END)
           AS statement
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a
WHERE n.nspname = $2::text::name AND c.relname = 'pgkit_job'::name AND a.grantee <> c.relowner
  AND a.privilege_type = ANY (ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']::text[])
GROUP BY n.nspname, a.grantee
ORDER BY a.grantee
