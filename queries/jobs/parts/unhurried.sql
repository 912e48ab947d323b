-- The rest of the transaction need not be on disk when it commits: if the server crashes, it is soon said again.
unhurried AS (
    SELECT pg_catalog.set_config('synchronous_commit'::text, 'off'::text, true) AS value
)
