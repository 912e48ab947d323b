-- Whether this standby receives and replays WAL.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_settings and pg_read_all_stats show where it should receive WAL from"
-- scope   = "server"
-- when    = "pg_catalog.pg_is_in_recovery()"
-- # The server may be promoted meanwhile.
-- retry   = ["55000"]
-- key     = ["role"]
-- columns = ["role text", "expected bool", "is_missing bool", "has_streamed bool", "has_restore bool", "up_s float8", "message_s float8", "silent_limit_s float8", "replayed_bytes int8 counter", "is_paused bool", "by_target bool", "waiting_bytes int8", "what text"]
-- [[check]]
-- name     = "receiver-missing"
-- object   = ""
-- critical = ["expected and is_missing and up_s >= 1min and has_streamed", "expected and is_missing and up_s >= 1min and not has_restore", "expected and is_missing and change_replayed_bytes = 0", "expected and message_s > silent_limit_s"]
-- note     = "expected and is_missing and up_s >= 1min"
-- unseen   = "expected is null"
-- unseen_because = "primary_conninfo is visible only to members of pg_read_all_settings"
-- finding  = "this standby should receive WAL from {what}"
-- remedy   = "The server's log says why: the network, the password, a slot that is missing or in use, or WAL that the primary has removed"
-- why      = "The standby falls behind. Once the primary has removed the WAL that the standby needs, the standby must be rebuilt."
-- source   = "pg_stat_wal_receiver, primary_conninfo; the receiver asks for a reply after half of wal_receiver_timeout"
-- ignore   = "A standby that gets WAL only from the archive."
-- proof    = "pgkit replication"
-- [[check]]
-- name     = "replay-paused"
-- object   = ""
-- value    = "waiting_bytes"
-- critical = "is_paused and not by_target and waiting_bytes > 0"
-- warning  = "is_paused and not by_target"
-- note     = "is_paused"
-- finding  = "replay is paused on this standby, and {waiting_bytes} of WAL is waiting"
-- remedy   = "First look into the log: if it says that max_connections or a similar setting is lower than on the primary, raise it here and restart, since resuming would shut this server down. Otherwise SELECT pg_wal_replay_resume()"
-- why      = "Reads return the data as of the pause, WAL piles up on the disk, and a failover has to replay all of it first."
-- source   = "pg_is_wal_replay_paused; from 14 on, the server pauses replay itself when its settings are below the primary's"
-- ignore   = "A backup tool that pauses replay for a snapshot, or a recovery that stops at its target."
-- proof    = "pgkit replication"
WITH place AS (
    SELECT pg_catalog.pg_last_wal_receive_lsn() AS received, pg_catalog.pg_last_wal_replay_lsn() AS replayed, pg_catalog.pg_is_wal_replay_paused() AS is_paused, pg_catalog.clock_timestamp() AS now
    OFFSET 0
), settings AS (
    SELECT pg_catalog.max(s.setting) FILTER (WHERE s.name = 'primary_conninfo') <> '' AS has_primary,
           coalesce(pg_catalog.max(s.setting) FILTER (WHERE s.name = 'restore_command') <> '', false) AS has_restore,
           coalesce(pg_catalog.bool_or(s.name LIKE 'recovery_target%' AND s.name NOT IN ('recovery_target_action', 'recovery_target_inclusive', 'recovery_target_timeline') AND s.setting <> ''), false) AS has_target,
           greatest(2 * pg_catalog.max(s.setting) FILTER (WHERE s.name = 'wal_receiver_status_interval')::float8, 60,
                    pg_catalog.max(s.setting) FILTER (WHERE s.name = 'wal_receiver_timeout')::float8 / 1000) AS silent,
           pg_catalog.max(s.setting) FILTER (WHERE s.name = 'wal_receiver_timeout') = '0' AS is_patient
    FROM pg_catalog.pg_settings s
    WHERE s.name IN ('primary_conninfo', 'restore_command', 'wal_receiver_status_interval', 'wal_receiver_timeout') OR s.name LIKE 'recovery_target%'
), receiver AS (
    SELECT w.pid, w.last_msg_receipt_time FROM pg_catalog.pg_stat_wal_receiver w
)
SELECT 'standby' AS role,
       -- Before 12 the recovery settings are in recovery.conf: if WAL was received, there is a primary.
       coalesce(s.has_primary, CASE WHEN p.received IS NOT NULL OR r.pid IS NOT NULL THEN true END) AS expected,  -- pg12..
       p.received IS NOT NULL OR r.pid IS NOT NULL AS expected,  -- pg..11
       r.pid IS NULL AS is_missing,
       p.received IS NOT NULL AS has_streamed,
       s.has_restore
       OR pg_catalog.current_setting('server_version_num')::int4 < 120000  -- pg..11
       AS has_restore,
       pg_catalog.round(extract(epoch FROM p.now - pg_catalog.pg_postmaster_start_time())::numeric, 3)::float8 AS up_s,
       CASE WHEN r.pid IS NOT NULL AND NOT s.is_patient THEN pg_catalog.round(extract(epoch FROM greatest(p.now, r.last_msg_receipt_time) - r.last_msg_receipt_time)::numeric, 3) ELSE 0 END::float8 AS message_s,
       s.silent AS silent_limit_s,
       pg_catalog.pg_wal_lsn_diff(p.replayed, '0/0')::int8 AS replayed_bytes,
       p.is_paused,
       s.has_target AS by_target,
       coalesce(pg_catalog.pg_wal_lsn_diff(greatest(p.received, p.replayed), p.replayed), 0)::int8 AS waiting_bytes,
       CASE WHEN r.pid IS NULL THEN 'its primary, but no WAL receiver is running' ELSE 'its primary, but nothing has arrived from there for longer than wal_receiver_timeout' END AS what
FROM place p
CROSS JOIN settings s
LEFT JOIN receiver r ON true
ORDER BY 1
