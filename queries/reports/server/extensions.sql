-- Extensions, which versions of them are available, and what each still needs.
--
-- since   = 10
-- needs   = "CONNECT on the database; pg_read_all_settings shows which libraries are preloaded"
-- source  = "pg_extension, pg_available_extensions, pg_available_extension_versions"
-- example = "pgkit extensions --available"
-- reading = "Where behind is true, a newer version can be had by ALTER EXTENSION ... UPDATE. available is empty where the files are missing: its functions then fail, and pg_upgrade too."
-- notes   = "Some extensions work only with their library in shared_preload_libraries; needs_restart says that it waits there for a restart."
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
