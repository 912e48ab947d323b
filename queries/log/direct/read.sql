-- A number of bytes of a log file from an offset on; NULL if the file is gone.
SELECT pg_catalog.pg_read_binary_file($1, $2, $3, true)
