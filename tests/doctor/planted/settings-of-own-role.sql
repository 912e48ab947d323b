-- A setting of the role that asks, or of its database, hides the server's own value.
--
-- since = 10
-- own = true
-- settings = ["log_min_messages = debug1", "log_lock_waits = off", "log_checkpoints = on", "logging_collector = on", "log_directory = 'log'"]
-- checks = ["debug-settings", "logging-blind"]
-- expect = ["unseen debug-settings log_min_messages", "unseen logging-blind log_lock_waits"]
ALTER ROLE postgres SET log_min_messages = warning;
ALTER ROLE postgres SET log_lock_waits = on;
-- @healthy
ALTER ROLE postgres RESET ALL;
ALTER SYSTEM SET log_min_messages = warning;
ALTER SYSTEM SET log_lock_waits = on;
SELECT pg_reload_conf();
-- @sleep 1s
