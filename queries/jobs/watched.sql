-- How many bytes of an attempt's output are shown to those who watch it, -1 if nothing is shown yet; no row if nobody watches it:
-- $1 attempt's id.
SELECT coalesce(o.bytes, '-1'::int8)
FROM :"schema".pgkit_output o
WHERE o.run = $1::int8 AND o.watched_until > pg_catalog.clock_timestamp()
