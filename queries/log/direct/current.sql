-- The file that the log goes to now, of each format; NULL if it goes to none.
SELECT f.format AS format, pg_catalog.pg_current_logfile(f.format) AS path
FROM (VALUES ('csvlog'), ('jsonlog'), ('stderr')) AS f (format)
WHERE f.format <> 'jsonlog' OR pg_catalog.current_setting('server_version_num')::int >= 150000
