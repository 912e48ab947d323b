-- Rules in pg_hba.conf that let other machines in without a password, or with one that can be read on the network.
--
-- since   = 10
-- needs   = "a superuser, or EXECUTE on pg_hba_file_rules() and SELECT on pg_hba_file_rules"
-- scope   = "server"
-- key     = ["file", "line"]
-- columns = ["file text", "line int4", "rule text", "method text", "problem text", "detail text", "remedy text"]
-- [[check]]
-- name     = "hba-open"
-- object   = "{file}:{line}"
-- critical = "problem = 'trust'"
-- warning  = "problem in ('ident', 'clear', 'unencrypted')"
-- note     = "problem = 'weak'"
-- finding  = "{file}, line {line}: {rule}: {detail}"
-- remedy   = "{remedy}"
-- why      = "pg_hba.conf decides who may connect at all. A rule that is too permissive lets in every machine that can reach the port."
-- source   = "PostgreSQL's manual, Client Authentication; pg_hba_file_rules"
-- ignore   = "A network that only trusted machines can reach."
WITH rules AS (
    SELECT r.line_number AS line,
           pg_catalog.regexp_replace(pg_catalog.current_setting('hba_file', true), '^.*/', '') AS file, r.line_number AS place,  -- pg..15
           pg_catalog.regexp_replace(r.file_name, '^.*/', '') AS file, r.rule_number AS place,  -- pg16..
           r.type, r.database, r.user_name, r.address, r.netmask, r.auth_method AS method,
           -- If there is a mask, it is an IP address, not a name.
           CASE WHEN r.netmask IS NOT NULL THEN r.address::inet END AS ip, r.netmask::inet AS mask
    FROM pg_catalog.pg_hba_file_rules r
    WHERE r.error IS NULL AND r.type <> 'local'
), outside AS (
    SELECT r.*, r.type IN ('hostssl', 'hostgssenc') AS is_encrypted,
           r.address = 'all' OR (r.mask IS NOT NULL AND r.mask IN ('0.0.0.0'::inet, '::'::inet)) AS is_everybody
    FROM rules r
    WHERE coalesce(r.address, '') NOT IN ('samehost', 'localhost')
      AND CASE WHEN r.ip IS NULL THEN true
               WHEN pg_catalog.family(r.ip) = 4 THEN NOT (r.ip <<= '127.0.0.0/8'::inet AND (r.mask & '255.0.0.0'::inet) = '255.0.0.0'::inet)
               ELSE NOT (r.ip = '::1'::inet AND r.mask = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'::inet) END
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
       END AS detail,
       CASE j.problem
           WHEN 'unencrypted' THEN 'use hostssl instead of ' || j.type || ' in this rule, then SELECT pg_reload_conf()'
           ELSE 'use ' || CASE WHEN j.is_encrypted THEN '' ELSE 'hostssl and ' END || 'scram-sha-256 in this rule instead of ' || j.method || ', then SELECT pg_reload_conf()'
       END AS remedy
FROM judged j
WHERE j.problem IS NOT NULL
  -- The first matching line decides, so a line has no effect if an earlier one matches everything that it would match.
  AND NOT EXISTS (
      SELECT
      FROM rules e
      WHERE e.place < j.place AND (e.type = 'host' OR e.type = j.type)
        AND (('all' = ANY (e.database) AND NOT 'replication' = ANY (j.database)) OR pg_catalog.arraycontains(e.database, j.database))
        AND ('all' = ANY (e.user_name) OR pg_catalog.arraycontains(e.user_name, j.user_name))
        AND (e.address = 'all' OR e.address = j.address AND e.netmask IS NOT DISTINCT FROM j.netmask
             OR (e.ip IS NOT NULL AND j.ip IS NOT NULL AND pg_catalog.family(e.ip) = pg_catalog.family(j.ip)
                 AND (CASE WHEN pg_catalog.family(e.ip) = pg_catalog.family(j.ip) THEN (e.ip & e.mask) = (j.ip & e.mask) AND (e.mask & j.mask) = e.mask END))))
ORDER BY j.problem = 'trust' DESC, j.file COLLATE "C", j.line
