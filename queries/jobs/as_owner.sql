-- Shows the guard trigger that a claim may be replaced by whoever knows it: $1 its value.
SELECT pg_catalog.set_config('pgkit.claim', $1::timestamptz::text, true)
