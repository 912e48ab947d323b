-- The file that the log goes to now, of each format, as the functions of `pgkit log grants` show them.
SELECT f.format AS format, pgkit.current_log(f.format) AS path
FROM (VALUES ('csvlog'), ('jsonlog'), ('stderr')) AS f (format)
WHERE f.format <> 'jsonlog' OR pg_catalog.current_setting('server_version_num')::int >= 150000
