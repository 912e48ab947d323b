-- Log settings that pgkit log on has raised and that have not been restored in time.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "server"
-- key     = ["place"]
-- columns = ["place text", "over_s float8", "made_by text"]
-- [[check]]
-- name     = "log-on-overdue"
-- object   = "{place}"
-- value    = "over_s"
-- warning  = "over_s > 0"
-- finding  = "logging that {made_by} switched on for {place} should have ended {over_s} ago"
-- remedy   = "pgkit log off"
-- proof    = "pgkit log status"
-- why      = "Every statement goes to the log: this fills the disk, slows down the server, and records what people typed."
-- source   = "The record that pgkit log on stores with the settings."
-- ignore   = "Nothing to ignore: switch it off, or on again for a longer time."
WITH records (place, record) AS (
    SELECT 'the server', pg_catalog.left(pg_catalog.current_setting('pgkit.log', true), 20000)
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting s
                      CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (item)
                      WHERE c.item = 'pgkit.log=' || pg_catalog.current_setting('pgkit.log', true))
    UNION ALL
    SELECT pg_catalog.concat_ws(' of ', 'role ' || pg_catalog.quote_ident(r.rolname::text), 'database ' || pg_catalog.quote_ident(d.datname::text)), pg_catalog.substr(c.item, 11)
    FROM pg_catalog.pg_db_role_setting s
    CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (item)
    LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
    WHERE pg_catalog.left(c.item, 10) = 'pgkit.log=' AND pg_catalog.length(c.item) < 20000
), ends AS (
    SELECT r.place, pg_catalog.substring(r.record, '"until":"([0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9][0-9.]*Z)"')::pg_catalog.timestamptz AS until,
           pg_catalog.substring(r.record, '"by":"([^"\\]*)"') AS made_by
    FROM records r
    -- If no settings are left, everything has been restored.
    WHERE r.record ~ '"settings":\{"'
)
SELECT e.place,
       extract(epoch FROM pg_catalog.now() - e.until)::float8 AS over_s,
       coalesce(e.made_by, 'somebody') AS made_by
FROM ends e
WHERE e.until < pg_catalog.now()
ORDER BY e.place COLLATE "C"
