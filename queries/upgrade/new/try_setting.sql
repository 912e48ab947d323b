-- Sets $1 to $2 for this transaction, to see whether the new server takes it.
SELECT pg_catalog.set_config($1, $2, true) IS NOT NULL AS known
