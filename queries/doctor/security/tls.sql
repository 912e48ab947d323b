-- Whether connections from other machines are encrypted.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows which sessions are not encrypted"
-- scope   = "server"
-- key     = []
-- columns = ["ssl bool", "listens text", "outside bool", "unencrypted int8"]
-- [[check]]
-- name     = "tls-off"
-- warning  = "not ssl and outside"
-- note     = "unencrypted > 0"
-- finding  = "sessions from other machines may be unencrypted: ssl is {ssl}, listen_addresses is {listens}, unencrypted sessions now: {unencrypted}"
-- remedy   = "ALTER SYSTEM SET ssl = on with a certificate, then use hostssl in pg_hba.conf"
-- proof    = "pgkit exposed --reason 'no encryption'"
-- why      = "Anyone on the network path can read passwords, statements and rows."
-- source   = "the settings ssl and listen_addresses, pg_stat_ssl"
-- ignore   = "A private network, or a sidecar that encrypts."
SELECT pg_catalog.current_setting('ssl')::bool AS ssl,
       pg_catalog.current_setting('listen_addresses') AS listens,
       l.is_reachable AS outside,
       (SELECT pg_catalog.count(*)
        FROM pg_catalog.pg_stat_activity a
        JOIN pg_catalog.pg_stat_ssl s ON s.pid = a.pid AND NOT s.ssl
        WHERE a.client_addr IS NOT NULL AND NOT a.client_addr <<= '127.0.0.0/8'::inet AND a.client_addr <> '::1'::inet) AS unencrypted
FROM (
-- include listens_to_others
) AS l
ORDER BY 1
