-- The files of the log directory, the oldest first.
SELECT l.name AS name, l.size AS size
FROM pg_catalog.pg_ls_logdir() AS l
ORDER BY l.modification, l.name
