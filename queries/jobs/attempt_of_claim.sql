-- The attempt by pgkit that a job's claim stands for, if it is not known to have ended, and how long it may still run:
-- $1 job, whose lock this session holds. Records that the attempt's lock is free.
UPDATE :"schema".pgkit_run r SET seen_free_at = coalesce(r.seen_free_at, pg_catalog.clock_timestamp())
FROM :"schema".crontabber c
WHERE c.app_name = $1 AND r.app_name = c.app_name AND r.claim = c.ongoing
  AND r.state = 'running' AND r.state <> 'succeeded'
RETURNING pg_catalog.json_build_object(
    'id', r.id, 'state', r.state, 'run_date', r.run_date, 'seen_free_at', r.seen_free_at, 'host', r.host, 'uid', r.uid,
    'boot_id', r.boot_id, 'pid_namespace', r.pid_namespace, 'guard_pid', r.guard_pid, 'guard_ticks', r.guard_ticks,
    'leader_pid', r.leader_pid, 'leader_ticks', r.leader_ticks, 'started', r.started, 'mark', r.mark,
    'left_s',
    -- include left_s
    )
