-- Rules in pg_hba.conf that let other machines in without a password, or with one that can be read on the network.
--
-- since   = 10
-- needs   = "a superuser, or EXECUTE on pg_hba_file_rules() and SELECT on pg_hba_file_rules"
-- scope   = "server"
-- key     = ["file", "line"]
-- columns = ["file text", "line int4", "rule text", "method text", "problem text", "detail text", "remedy text", "is_reachable bool"]
-- [[check]]
-- name     = "hba-open"
-- object   = "{file}:{line}"
-- critical = "is_reachable and problem = 'trust'"
-- warning  = "is_reachable and problem in ('ident', 'clear', 'unencrypted')"
-- note     = "problem <> ''"
-- finding  = "{file}, line {line}: {rule}: {detail}"
-- remedy   = "{remedy}"
-- why      = "pg_hba.conf decides who may connect at all. A rule that is too permissive lets in every machine that can reach the port."
-- source   = "PostgreSQL's manual, Client Authentication; pg_hba_file_rules"
-- ignore   = "A network that only trusted machines can reach."
-- include hba_outside
), judged AS (
    SELECT o.*,
           CASE
               WHEN o.method = 'reject' THEN NULL
               WHEN o.method = 'trust' THEN 'trust'
               WHEN o.method = 'ident' THEN 'ident'
               WHEN o.method IN ('password', 'ldap', 'pam', 'radius', 'bsd') AND NOT o.is_encrypted THEN 'clear'
               WHEN o.method = 'md5' AND NOT o.is_encrypted THEN 'clear'
               WHEN o.is_everybody AND o.type IN ('host', 'hostnossl') AND o.method NOT IN ('cert', 'gss', 'sspi') THEN 'unencrypted'
               WHEN o.method IN ('password', 'md5') THEN 'weak'
           END AS problem
    FROM outside o
)
SELECT j.file, j.line,
       j.type || ' ' || pg_catalog.array_to_string(j.database, ',') || ' ' || pg_catalog.array_to_string(j.user_name, ',') || ' ' || coalesce(j.address, '') || coalesce(' ' || j.netmask, '') || ' ' || j.method AS rule,
       j.method, j.problem,
       CASE j.problem
           WHEN 'trust' THEN 'any client with this address may connect as any of these roles without a password'
           WHEN 'ident' THEN 'the client''s own machine says which user it is'
           WHEN 'clear' THEN CASE WHEN j.method = 'md5' THEN 'a password that is stored as md5 can be derived from what is sent' ELSE 'the password is sent in clear text' END
           WHEN 'unencrypted' THEN 'clients with any address may connect without encryption'
           ELSE CASE WHEN j.method = 'md5' THEN 'anyone who reads the stored md5 hash can log in with it' ELSE 'the server receives the password itself' END
       END || CASE WHEN l.is_reachable THEN '' ELSE '; the server now listens to no other machine' END AS detail,
       CASE j.problem
           WHEN 'unencrypted' THEN CASE WHEN s.is_on THEN '' ELSE 'turn ssl on first, then ' END || 'use hostssl instead of ' || j.type || ' in this rule, then SELECT pg_reload_conf()'
           ELSE 'use ' || CASE WHEN j.is_encrypted OR NOT s.is_on THEN '' ELSE 'hostssl and ' END || 'scram-sha-256 in this rule instead of ' || j.method || ', then SELECT pg_reload_conf()'
       END AS remedy,
       l.is_reachable
FROM judged j
CROSS JOIN (
-- include listens_to_others
) AS l
CROSS JOIN (SELECT pg_catalog.current_setting('ssl')::bool AS is_on) AS s
WHERE j.problem IS NOT NULL
ORDER BY j.problem = 'trust' DESC, j.file COLLATE "C", j.line
