-- How many bytes of an attempt's output have been copied, -1 before the first copy; no row if nobody watches the
-- attempt: $1 attempt's id.
SELECT coalesce(o.bytes, '-1'::int8)
FROM :"schema".pgkit_output o
WHERE o.run = $1::int8 AND o.watched_until > pg_catalog.clock_timestamp()
