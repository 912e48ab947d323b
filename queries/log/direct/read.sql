-- So many bytes of a log file from there on; NULL when the file is gone.
SELECT pg_catalog.pg_read_binary_file($1, $2, $3, true)
