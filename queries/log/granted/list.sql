-- The files of the log directory, the oldest first, as the functions of `pgkit log grants` show them.
SELECT l.name AS name, l.size AS size
FROM pgkit.log_files() AS l
ORDER BY l.modification, l.name
