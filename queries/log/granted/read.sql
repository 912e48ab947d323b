-- A number of bytes of a log file from an offset on; NULL if the file is gone.
SELECT pgkit.read_log(pg_catalog.regexp_replace($1, '^.*/', ''), $2, $3)
