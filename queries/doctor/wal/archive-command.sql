-- Whether there is a command that archives WAL while archive_mode is on.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "server"
-- key     = ["mode"]
-- columns = ["mode text", "has_command bool", "is_dummy bool", "cause text"]
-- [[check]]
-- name     = "archive-without-command"
-- object   = ""
-- critical = "not has_command"
-- warning  = "is_dummy"
-- finding  = "archive_mode is {mode}, but {cause}"
-- remedy   = "ALTER SYSTEM SET archive_command (or archive_library, 15 and later) and SELECT pg_reload_conf(), or turn archive_mode off and restart"
-- why      = "Without a command, nothing is archived and all WAL is kept: no counter shows a failure while the disk fills. With a command that does nothing, there is no archive, and every check reports that all is well."
-- source   = "pgarch.c: with an empty command it waits; the manual, archive_command"
-- ignore   = "The few minutes while somebody has turned it off by hand."
-- proof    = "pgkit settings --grep archive"
WITH settings AS (
    -- A library replaces the command.
    SELECT pg_catalog.current_setting('archive_mode') AS mode, pg_catalog.btrim(pg_catalog.current_setting('archive_command')) AS command,
           coalesce(pg_catalog.current_setting('archive_library', true), '') AS library
)
SELECT s.mode,
       j.has_command,
       j.is_dummy OR j.is_blind AS is_dummy,
       CASE WHEN NOT j.has_command THEN 'there is no archive_command'
            WHEN j.is_dummy THEN 'archive_command does nothing (' || s.command || ')'
            ELSE 'archive_command is not told which file to archive, neither by %p nor by %f (' || s.command || ')' END AS cause
FROM settings s
CROSS JOIN LATERAL (
    SELECT s.command NOT IN ('', '(disabled)') OR s.library <> '' AS has_command,
           s.library = '' AND s.command ~* '^((/usr)?/bin/)?(true|:|cd|echo|printf)(\s+[^|&;<>]*)?;?$|^exit(\s+0)?\s*;?$' AS is_dummy,
           -- %% stands for a percent sign. A command that always fails is not taken for an archive by anybody.
           s.library = '' AND pg_catalog.replace(s.command, '%%', '') !~ '%[pf]' AND s.command !~ '^((/usr)?/bin/)?false$|^exit\s+[1-9]' AS is_blind) AS j
-- A standby archives only with 'always'.
WHERE (s.mode = 'always' OR s.mode = 'on' AND NOT pg_catalog.pg_is_in_recovery())
  AND (j.is_dummy OR j.is_blind OR NOT j.has_command)
ORDER BY s.mode COLLATE "C"
