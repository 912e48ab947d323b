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
-- [[check]]
-- name     = "extension-files-missing"
-- object   = "{name}"
-- critical = "available is null and detail = 'the files are missing'"
-- unseen   = ["available is null and detail is null", "available is null and detail <> 'the files are missing'"]
-- unseen_because = "the list of extensions that are available on the server could not be read"
-- finding  = "the files of the extension {name} (version {installed}) are missing on the server"
-- remedy   = "install its package, or DROP EXTENSION {name:ident}"
-- proof    = "pgkit extensions"
-- why      = "Its functions fail when they are first called in a session, and pg_upgrade rejects the cluster. This happens after an upgrade of the server, on a new machine, or on a standby."
-- source   = "pg_extension against pg_available_extensions"
-- [[check]]
-- name     = "extension-behind"
-- object   = "{name}"
-- warning  = "available is not null and behind and name in ('postgis', 'timescaledb', 'pg_stat_statements')"
-- note     = "available is not null and behind"
-- finding  = "the extension {name} is at version {installed}, but version {available} is available on the server"
-- remedy   = "ALTER EXTENSION {name:ident} UPDATE"
-- proof    = "pgkit extensions"
-- why      = "A new package installs new files, but each database keeps the old definitions until they are updated: bugs remain, and new columns are missing."
-- source   = "pg_extension.extversion against pg_available_extensions.default_version"
-- ignore   = "A version that is pinned on purpose."
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
