-- Returns one row to the first session that asks within ten minutes: that one prunes.
UPDATE :"schema".pgkit_meta SET pruned_at = pg_catalog.clock_timestamp()
WHERE coalesce(pruned_at < pg_catalog.clock_timestamp() - interval '10 minutes', true)
RETURNING pg_catalog.json_build_object('removed', 0)
