-- Log settings that leave out lock waits or checkpoints, or that keep the collector off, are notes.
--
-- since = 10
-- settings = ["log_lock_waits = off", "log_checkpoints = off", "log_destination = 'stderr'"]
-- checks = ["debug-settings", "logging-blind", "stats-too-young"]
-- expect = ["note logging-blind log_lock_waits", "note logging-blind log_checkpoints", "note logging-blind logging_collector", "note stats-too-young"]
SELECT 1;
