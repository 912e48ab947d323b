-- Developer settings that were left on are warnings.
--
-- since = 10
-- settings = ["log_min_messages = debug1", "debug_print_plan = on", "log_hostname = on", "log_executor_stats = on", "post_auth_delay = 0", "log_lock_waits = on", "log_checkpoints = on"]
-- checks = ["debug-settings", "logging-blind"]
-- expect = ["warning debug-settings log_min_messages", "warning debug-settings debug_print_plan", "warning debug-settings log_hostname", "warning debug-settings log_executor_stats", "note logging-blind logging_collector"]
SELECT 1;
