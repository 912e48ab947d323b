-- Errors in the configuration files that make the next reload or start fail.
--
-- since   = 10
-- needs   = "a superuser, or GRANT SELECT on pg_file_settings, pg_hba_file_rules and pg_ident_file_mappings with EXECUTE on their functions"
-- scope   = "server"
-- key     = ["file", "line", "error"]
-- columns = ["file text", "line int4", "name text", "error text"]
-- [[check]]
-- name     = "config-file-errors"
-- object   = "{file}:{line}"
-- critical = "error is not null"
-- finding  = "{file}, line {line}: {error}"
-- remedy   = "correct line {line} of {file}, then SELECT pg_reload_conf()"
-- proof    = "pgkit settings"
-- why      = "The server keeps its old settings, so nobody notices until it must be restarted and does not start, or until a change that was reloaded has no effect."
-- source   = "pg_file_settings, pg_hba_file_rules, pg_ident_file_mappings (from 15 on)"
WITH files AS MATERIALIZED (  -- pg12..
WITH files AS (  -- pg..11
    SELECT f.sourcefile, f.sourceline, pg_catalog.lower(f.name) AS name, f.error
    FROM pg_catalog.pg_file_settings f
), waiting AS (
    -- Read after the files: reading the files sets pending_restart for what the next restart would change.
    SELECT pg_catalog.lower(s.name) AS name FROM pg_catalog.pg_settings s WHERE (SELECT pg_catalog.count(*) FROM files f) >= 0 AND s.pending_restart
), faults (place, file, line, name, error) AS (
    -- A setting that waits for a restart is listed there as an error too.
    SELECT 1, pg_catalog.regexp_replace(f.sourcefile, '^.*/', ''), f.sourceline, f.name, coalesce(f.name || ': ', '') || f.error
    FROM files f
    WHERE f.error IS NOT NULL AND (f.name IS NULL OR f.name NOT IN (SELECT w.name FROM waiting w))
    UNION ALL
    -- A rule that is valid but cannot match, such as hostssl without ssl, is shown with its type.
    SELECT 2, pg_catalog.regexp_replace(pg_catalog.current_setting('hba_file', true), '^.*/', ''), h.line_number, NULL, h.error  -- pg..15
    SELECT 2, pg_catalog.regexp_replace(h.file_name, '^.*/', ''), h.line_number, NULL, h.error  -- pg16..
    FROM pg_catalog.pg_hba_file_rules h
    WHERE h.error IS NOT NULL AND h.type IS NULL
    UNION ALL  -- pg15..
    SELECT 3, pg_catalog.regexp_replace(pg_catalog.current_setting('ident_file', true), '^.*/', ''), i.line_number, NULL, i.error  -- pg15..15
    SELECT 3, pg_catalog.regexp_replace(i.file_name, '^.*/', ''), i.line_number, NULL, i.error  -- pg16..
    FROM pg_catalog.pg_ident_file_mappings i  -- pg15..
    WHERE i.error IS NOT NULL  -- pg15..
)
SELECT f.file, f.line, f.name, f.error
FROM faults f
ORDER BY f.place, f.file COLLATE "C", f.line, f.error COLLATE "C"
