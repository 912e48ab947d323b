-- The commit does not wait for the disk: if the server crashes and loses it, a runner soon writes the same again.
unhurried AS (
    SELECT pg_catalog.set_config('synchronous_commit'::text, 'off'::text, true) AS value
)
