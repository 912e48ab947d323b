-- Settings whose new value takes effect only after a restart of the server.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_settings shows all settings"
-- scope   = "server"
-- key     = ["name"]
-- columns = ["name text", "value text", "loaded_s float8"]
-- [[check]]
-- name     = "pending-restart"
-- object   = "{name}"
-- value    = "loaded_s"
-- warning  = "loaded_s > 7d"
-- note     = "name is not null"
-- finding  = "{name} is still {value}: its new value has been waiting for a restart for at least {loaded_s}"
-- remedy   = "restart the server, or undo the change"
-- proof    = "pgkit settings"
-- why      = "The configuration files do not show what the server does. At the next restart, perhaps after a crash, the change takes effect unexpectedly, or it keeps the server from starting."
-- source   = "pg_settings.pending_restart; the time of the last reload, so the change may be older"
-- ignore   = "A restart is planned. A change that was removed from the file counts until then too."
SELECT s.name, s.setting || coalesce(' (' || s.unit || ')', '') AS value, extract(epoch FROM pg_catalog.now() - pg_catalog.pg_conf_load_time())::float8 AS loaded_s
FROM pg_catalog.pg_settings s
WHERE s.pending_restart
ORDER BY s.name COLLATE "C"
