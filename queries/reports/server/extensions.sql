-- Extensions, which versions of them are available, and what each still needs.
--
-- since   = 10
-- needs   = "CONNECT on the database; pg_read_all_settings shows which libraries are preloaded"
-- source  = "pg_extension, pg_available_extensions, pg_available_extension_versions"
-- example = "pgkit extensions --available"
-- reading = "behind is true if ALTER EXTENSION ... UPDATE gives a newer version. available is empty if the extension's files are missing: its functions then fail, and so does pg_upgrade."
-- notes   = "Some extensions work only if their library is in shared_preload_libraries. needs_restart is true if it is there, but the server has not been restarted since."
-- key     = ["name"]
-- include extensions_header
WITH available AS MATERIALIZED (  -- pg12..
WITH available AS (  -- pg..11
    SELECT a.name::text AS name, a.default_version AS version, a.comment,
           v.trusted  -- pg13..
           NULL::bool AS trusted  -- pg..12
    FROM pg_catalog.pg_available_extensions() a
    LEFT JOIN pg_catalog.pg_available_extension_versions() v ON v.name = a.name AND v.version = a.default_version  -- pg13..
), asked (is_known) AS (
    SELECT true
-- include extensions_answer
