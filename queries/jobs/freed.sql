-- Finds which of these jobs, which were running elsewhere, may be free by now: $1 their names, $2 the keys of their locks. A job may
-- be free if nobody has a claim on it, or if the claim is one of pgkit's and its lock is free. Claims of crontabber have no locks.
WITH
-- include held
SELECT n.name
FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS n (name, key)
LEFT JOIN :"schema".crontabber c ON c.app_name = n.name
WHERE c.ongoing IS NULL
   OR (
-- include own_claim
       AND NOT EXISTS (SELECT FROM held h WHERE n.key::int8 = ANY (h.keys)))
