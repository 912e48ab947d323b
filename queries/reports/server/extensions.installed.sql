-- Extensions, which versions of them are available, and what each still needs.
--
-- since   = 10
-- needs   = "CONNECT on the database; pg_read_all_settings shows which libraries are preloaded"
-- flag    = "installed"
-- fallback = true
-- source  = "pg_extension"
-- example = "pgkit extensions --installed"
-- include extensions_header
-- [[hidden]]
-- when = "true"
-- says = "which versions are available is not shown: their control files were not read, or one of them is invalid"
WITH available (name, version, comment, trusted) AS (
    -- One invalid control file keeps the server from listing any.
    SELECT NULL::text, NULL::text, NULL::text, NULL::bool WHERE false
), asked (is_known) AS (
    SELECT false
-- include extensions_answer
