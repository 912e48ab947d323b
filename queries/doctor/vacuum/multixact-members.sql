-- How much of the space for members of multixacts is used.
--
-- since   = 10
-- needs   = "superuser, or GRANT EXECUTE ON FUNCTION pg_ls_dir(text)"
-- scope   = "server"
-- key     = ["files"]
-- columns = ["files int8", "members int8", "used_pct float8"]
-- [[check]]
-- name     = "multixact-members"
-- object   = ""
-- value    = "used_pct"
-- critical = "used_pct >= 75"
-- warning  = "used_pct >= 50"
-- finding  = "the members of multixacts use {used_pct} of the available space ({files} files)"
-- remedy   = "VACUUM FREEZE the tables whose rows are locked by many sessions at once, such as parents of foreign keys (pgkit vacuum --scope multixact), and end what holds back VACUUM"
-- why      = "When the space for members runs out, rows can no longer be locked by two transactions at once, which includes foreign key checks. Autovacuum becomes aggressive once half of the space is used, even if the age of the multixacts is small."
-- source   = "MULTIXACT_MEMBER_SAFE_THRESHOLD in multixact.c; a file of pg_multixact/members holds 52,352 members of 2^32"
-- ignore   = "Nothing to ignore above these limits."
SELECT m.files,
       m.files * 52352 AS members,
       pg_catalog.round(100.0 * m.files * 52352 / 4294967296, 1)::float8 AS used_pct
FROM (SELECT pg_catalog.count(*) AS files
      FROM pg_catalog.pg_ls_dir('pg_multixact/members') AS f (name)
      WHERE f.name ~ '^[0-9A-F]{4,6}$') AS m
ORDER BY m.files
