-- Takes the first of a pool's places that is free: $1 the keys of their locks. They are held until they are unlocked, or
-- the session ends.
WITH RECURSIVE place (at, taken) AS (
    SELECT 0, false
    UNION ALL
    SELECT p.at + 1, pg_catalog.pg_try_advisory_lock(($1::int8[])[p.at + 1])
    FROM place p
    WHERE NOT p.taken AND p.at < pg_catalog.cardinality($1)
)
SELECT pg_catalog.bool_or(taken) FROM place
