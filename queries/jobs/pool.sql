-- Takes the first free place of a pool: $1 the keys of the places' locks. Returns whether there was one. The lock is held until
-- it is released or the session ends.
WITH RECURSIVE place (at, taken) AS (
    SELECT 0, false
    UNION ALL
    SELECT p.at + 1, pg_catalog.pg_try_advisory_lock(($1::int8[])[p.at + 1])
    FROM place p
    WHERE NOT p.taken AND p.at < pg_catalog.cardinality($1)
)
SELECT pg_catalog.bool_or(taken) FROM place
