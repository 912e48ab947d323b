-- So many bytes of a log file from there on; NULL when the file is gone.
SELECT pgkit.read_log(pg_catalog.regexp_replace($1, '^.*/', ''), $2, $3)
