-- Finds which of these jobs, which were running elsewhere, may be free by now: $1 their names, $2 the keys of their locks. A job may
-- be free if nobody has a claim on it, or if the claim is one of pgkit's and its lock is free. Claims of crontabber have no locks.
WITH
-- include held
SELECT n.name
FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS n (name, key)
LEFT JOIN :"schema".crontabber c ON c.app_name = n.name
WHERE c.ongoing IS NULL
   OR (EXISTS (SELECT FROM :"schema".pgkit_run r
               WHERE r.app_name = n.name AND r.state = ANY (ARRAY['running', 'held']::text[]) AND r.state <> 'succeeded'::text
                 AND r.claim = c.ongoing)
       AND NOT EXISTS (SELECT FROM held h WHERE n.key::int8 = ANY (h.keys)))
