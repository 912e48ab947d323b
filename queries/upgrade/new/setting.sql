-- Does the new server know the setting $1? Also by a name that it had before.
SELECT pg_catalog.current_setting($1, true) IS NOT NULL AS known
