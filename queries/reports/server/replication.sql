-- Replication, seen from this server: who receives from it, its slots, its own receiver, its subscriptions.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows the state and lag of other roles' connections"
-- source  = "pg_stat_replication, pg_replication_slots, pg_stat_wal_receiver, pg_stat_subscription, pg_stat_subscription_stats (15)"
-- scope   = "server"
-- example = "pgkit replication"
-- reading = "A sender's lag says which stage is late: sent is the network or the sender, flush the standby's disk, replay its queries. A slot that is inactive keeps WAL (kept_bytes) until its consumer comes back or it is dropped; at safe_bytes 0 it is lost. A receiver that has replayed all it got has no delay, even where nothing comes: look at its state and last_message too."
-- key     = ["role", "name", "client", "pid", "database"]
-- wide    = ["plugin", "catalog_xmin_age", "xmin_age", "conflicts", "sync_errors", "apply_errors", "reply_time", "last_message", "flush_lag_s", "write_lag_s", "sync_priority", "slot_kind", "detail", "database", "pid", "sync", "inactive_since", "safe_bytes", "client", "write_lag_bytes", "flush_lag_bytes", "slot", "sent_lag_bytes"]
-- columns = ["role text", "name text", "client text", "state text", "sent_lag_bytes int8", "write_lag_bytes int8", "flush_lag_bytes int8", "replay_lag_bytes int8", "replay_lag_s float8", "slot text", "kept_bytes int8", "safe_bytes int8", "inactive_since timestamptz", "pid int4", "sync text", "database text", "detail text", "slot_kind text", "sync_priority int4", "write_lag_s float8", "flush_lag_s float8", "last_message timestamptz", "reply_time timestamptz", "apply_errors int8 counter", "sync_errors int8 counter", "conflicts int8 counter", "xmin_age int8", "catalog_xmin_age int8", "plugin text"]
-- [[hidden]]
-- when = "EXISTS (SELECT FROM pg_catalog.pg_stat_replication r WHERE r.state IS NULL) OR EXISTS (SELECT FROM pg_catalog.pg_stat_wal_receiver w WHERE w.status IS NULL)"
-- says = "the state and lag of other roles' connections is not shown; pg_read_all_stats shows it"
WITH here AS (
    -- How far this server's WAL reaches: on a standby, what it has received or restored.
    SELECT x.is_standby,
           CASE WHEN x.is_standby THEN pg_catalog.pg_last_wal_receive_lsn() END AS received,
           CASE WHEN x.is_standby THEN pg_catalog.pg_last_wal_replay_lsn() END AS replayed,
           CASE WHEN x.is_standby THEN pg_catalog.pg_last_xact_replay_timestamp() END AS replayed_commit,
           CASE WHEN x.is_standby THEN greatest(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())
                ELSE pg_catalog.pg_current_wal_lsn() END AS reached,
           CASE WHEN x.is_standby THEN pg_catalog.pg_is_wal_replay_paused() END AS is_paused,
           pg_catalog.clock_timestamp() AS now
    FROM (SELECT pg_catalog.pg_is_in_recovery() AS is_standby OFFSET 0) AS x
    OFFSET 0
), slots AS (
    SELECT s.slot_name::text AS name, s.slot_type, s.plugin::text AS plugin, s.database::text AS database, s.temporary, s.active, s.active_pid,
           s.xmin, s.catalog_xmin, s.restart_lsn, s.confirmed_flush_lsn,
           s.wal_status, s.safe_wal_size,  -- pg13..
           NULL::text AS wal_status, NULL::int8 AS safe_wal_size,  -- pg..12
           s.conflicting,  -- pg16..
           false AS conflicting,  -- pg..15
           s.invalidation_reason, s.inactive_since, s.failover, s.synced  -- pg17..
           NULL::text AS invalidation_reason, NULL::timestamptz AS inactive_since, false AS failover, false AS synced  -- pg..16
    FROM pg_catalog.pg_replication_slots s
), subscriptions AS (
    -- One row for each, with its main worker, if that one runs.
    SELECT DISTINCT ON (t.subid) t.subid, t.subname,
           CASE WHEN t.relid IS NULL
                     AND t.leader_pid IS NULL  -- pg16..
                THEN t.pid END AS pid,
           t.received_lsn, t.latest_end_lsn, t.last_msg_receipt_time,
           (SELECT pg_catalog.count(*) FROM pg_catalog.pg_subscription_rel r WHERE r.srsubid = t.subid AND r.srsubstate <> 'r') AS tables
    FROM pg_catalog.pg_stat_subscription t
    ORDER BY t.subid, t.relid NULLS FIRST,
             t.leader_pid NULLS FIRST,  -- pg16..
             t.pid
), enabled AS (
    SELECT s.oid AS subid, s.subname, s.subdbid, s.subenabled, s.subslotname, true AS is_only  -- pg14..
    -- Before 14 not everybody may read the OID.  -- pg..13
    SELECT NULL::oid AS subid, s.subname, s.subdbid, s.subenabled, s.subslotname, pg_catalog.count(*) OVER (PARTITION BY s.subname) = 1 AS is_only  -- pg..13
    FROM pg_catalog.pg_subscription s
), answer AS (
    SELECT 1 AS place, 'receiver' AS role,
           w.sender_host || ':' || w.sender_port::text AS name,  -- pg11..
           NULL::text AS name,  -- pg..10
           NULL::text AS client,
           CASE WHEN w.pid IS NULL THEN 'none' ELSE w.status END AS state,
           NULL::int8 AS sent, NULL::int8 AS written, NULL::int8 AS flushed,
           -- What was restored may be ahead of what was received.
           CASE WHEN h.received IS NOT NULL THEN greatest(pg_catalog.pg_wal_lsn_diff(h.received, h.replayed), 0) END::int8 AS replay,
           CASE
               WHEN h.replayed >= h.received THEN 0
               ELSE extract(epoch FROM greatest(h.now, h.replayed_commit) - h.replayed_commit)
           END::numeric AS replay_s,
           w.slot_name AS slot, NULL::int8 AS kept, NULL::int8 AS safe, NULL::timestamptz AS inactive_since, NULL::int4 AS pid, NULL::text AS sync,
           NULL::text AS database,
           nullif(pg_catalog.concat_ws(', ', CASE WHEN h.is_paused THEN 'replay is paused' END, 'pid ' || w.pid::text), '') AS detail,
           NULL::text AS slot_kind, NULL::int4 AS sync_priority, NULL::interval AS write_lag, NULL::interval AS flush_lag,
           w.last_msg_receipt_time AS last_message, NULL::timestamptz AS reply_time, NULL::int8 AS apply_errors, NULL::int8 AS sync_errors,
           NULL::int8 AS conflicts, NULL::int8 AS xmin_age, NULL::int8 AS catalog_xmin_age, NULL::text AS plugin
    FROM here h
    LEFT JOIN pg_catalog.pg_stat_wal_receiver w ON true
    WHERE h.is_standby
    UNION ALL
    SELECT 2, 'sender', nullif(r.application_name, ''),
           CASE WHEN r.client_port = -1 THEN '[local]' ELSE pg_catalog.host(r.client_addr) END, r.state,
           -- 0/0 is no place: a base backup reads files.
           CASE WHEN r.sent_lsn > '0/0' THEN greatest(pg_catalog.pg_wal_lsn_diff(h.reached, r.sent_lsn), 0) END::int8,
           CASE WHEN r.write_lsn > '0/0' THEN greatest(pg_catalog.pg_wal_lsn_diff(h.reached, r.write_lsn), 0) END::int8,
           CASE WHEN r.flush_lsn > '0/0' THEN greatest(pg_catalog.pg_wal_lsn_diff(h.reached, r.flush_lsn), 0) END::int8,
           CASE WHEN r.replay_lsn > '0/0' THEN greatest(pg_catalog.pg_wal_lsn_diff(h.reached, r.replay_lsn), 0) END::int8,
           -- The server forgets the times once everything is replayed.
           CASE WHEN r.replay_lsn >= h.reached THEN 0 ELSE extract(epoch FROM r.replay_lag) END::numeric,
           s.name, pg_catalog.pg_wal_lsn_diff(h.reached, s.restart_lsn)::int8, s.safe_wal_size, NULL, r.pid, r.sync_state, s.database, NULL, s.slot_type,
           r.sync_priority, r.write_lag, r.flush_lag, NULL,
           r.reply_time,  -- pg12..
           NULL,  -- pg..11
           NULL, NULL, NULL, pg_catalog.age(r.backend_xmin)::int8, NULL, s.plugin
    FROM pg_catalog.pg_stat_replication r
    CROSS JOIN here h
    LEFT JOIN slots s ON s.active_pid = r.pid
    UNION ALL
    SELECT 3, 'slot', s.name, NULL,
           CASE
               WHEN s.invalidation_reason IS NOT NULL THEN 'invalid'
               WHEN s.conflicting THEN 'invalid'
               WHEN s.wal_status = 'lost' THEN 'lost'
               WHEN s.active THEN 'active'
               WHEN s.synced AND h.is_standby THEN 'synced'
               ELSE 'inactive'
           END,
           NULL, NULL, CASE WHEN s.confirmed_flush_lsn > '0/0' THEN greatest(pg_catalog.pg_wal_lsn_diff(h.reached, s.confirmed_flush_lsn), 0) END::int8, NULL, NULL,
           s.name, CASE WHEN s.restart_lsn IS NOT NULL THEN greatest(pg_catalog.pg_wal_lsn_diff(h.reached, s.restart_lsn), 0) END::int8,
           s.safe_wal_size, s.inactive_since, NULL, NULL, s.database,
           nullif(pg_catalog.concat_ws(', ', s.invalidation_reason, CASE WHEN s.wal_status IN ('extended', 'unreserved') THEN 'WAL is ' || s.wal_status END,
                                       CASE WHEN s.temporary THEN 'temporary' END, CASE WHEN s.failover THEN 'failover' END,
                                       'pid ' || s.active_pid::text), ''),
           s.slot_type, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
           pg_catalog.age(s.xmin)::int8, pg_catalog.age(s.catalog_xmin)::int8, s.plugin
    FROM slots s
    CROSS JOIN here h
    UNION ALL
    SELECT 4, 'subscription', t.subname::text, NULL,
           CASE
               WHEN NOT e.subenabled THEN 'disabled'
               WHEN t.pid IS NULL AND e.subenabled THEN 'stopped'
               WHEN t.tables > 0 THEN 'syncing'
               WHEN t.pid IS NOT NULL THEN 'streaming'
           END,
           NULL, NULL, NULL,
           CASE WHEN t.latest_end_lsn IS NOT NULL THEN greatest(pg_catalog.pg_wal_lsn_diff(t.received_lsn, t.latest_end_lsn), 0) END::int8,
           CASE WHEN t.latest_end_lsn >= t.received_lsn THEN 0 END, e.subslotname::text, NULL, NULL, NULL, NULL, NULL, d.datname::text,
           nullif(pg_catalog.concat_ws(', ', CASE WHEN t.tables > 0 THEN 'tables not ready: ' || t.tables::text END, 'pid ' || t.pid::text), ''),
           NULL, NULL, NULL, NULL, t.last_msg_receipt_time, NULL,
           x.apply_error_count, x.sync_error_count,  -- pg15..
           NULL, NULL,  -- pg..14
           x.confl_insert_exists + x.confl_update_origin_differs + x.confl_update_exists + x.confl_update_missing + x.confl_delete_origin_differs  -- pg18..
           + x.confl_delete_missing + x.confl_multiple_unique_conflicts,  -- pg18..
           NULL,  -- pg..17
           NULL, NULL, NULL
    FROM subscriptions t
    LEFT JOIN enabled e ON e.subid = t.subid  -- pg14..
    LEFT JOIN enabled e ON e.subname = t.subname AND e.is_only  -- pg..13
    LEFT JOIN pg_catalog.pg_database d ON d.oid = e.subdbid
    LEFT JOIN pg_catalog.pg_stat_subscription_stats x ON x.subid = t.subid  -- pg15..
)
SELECT a.role,
       a.name,
       a.client,
       a.state,
       a.sent AS sent_lag_bytes,
       a.written AS write_lag_bytes,
       a.flushed AS flush_lag_bytes,
       a.replay AS replay_lag_bytes,
       pg_catalog.round(a.replay_s, 3)::float8 AS replay_lag_s,
       a.slot,
       a.kept AS kept_bytes,
       a.safe AS safe_bytes,
       a.inactive_since,
       a.pid,
       a.sync,
       a.database,
       a.detail,
       a.slot_kind,
       a.sync_priority,
       pg_catalog.round(extract(epoch FROM a.write_lag)::numeric, 3)::float8 AS write_lag_s,
       pg_catalog.round(extract(epoch FROM a.flush_lag)::numeric, 3)::float8 AS flush_lag_s,
       a.last_message,
       a.reply_time,
       a.apply_errors,
       a.sync_errors,
       a.conflicts,
       a.xmin_age,
       a.catalog_xmin_age,
       a.plugin
FROM answer a
ORDER BY a.place, greatest(a.replay, a.kept) DESC NULLS LAST, a.name COLLATE "C", a.database COLLATE "C", a.pid
