-- Who replicates from here, from where this server replicates, and what slots keep.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows states, addresses and lags"
-- source  = "pg_stat_replication, pg_replication_slots, pg_stat_wal_receiver, pg_stat_subscription"
-- scope   = "server"
-- example = "pgkit replication --format vertical"
-- reading = "The first of a sender's lags that is large shows the late step: send, write, flush or replay. An inactive slot whose kept_bytes grow fills the disk: start its consumer, or drop it."
-- notes   = "Each lag is the distance to the end of this server's WAL. On a standby, replay_lag_s is 0 if it has replayed everything that it received. pg_drop_replication_slot() drops a slot. The server's log says why a subscription has errors or no worker. pgkit vacuum shows which old rows a slot keeps."
-- key     = ["role", "name", "database", "pid"]
-- private = ["name", "client"]
-- usual   = { temporary = "false" }
-- wide    = ["failover", "synced", "temporary", "user", "conflicts", "last_message", "xmin_age", "database", "pid", "kind", "sync", "wal_status", "inactive_since", "safe_bytes", "errors", "write_lag_bytes", "flush_lag_bytes", "sent_lag_bytes", "slot", "client", "detail"]
-- columns = ["role text", "name text", "client text", "state text", "sent_lag_bytes int8", "write_lag_bytes int8", "flush_lag_bytes int8", "replay_lag_bytes int8", "replay_lag_s float8", "slot text", "kept_bytes int8", "safe_bytes int8", "inactive_since timestamptz", "kind text", "database text", "user text", "pid int4", "sync text", "wal_status text", "xmin_age int8", "temporary bool", "failover bool", "synced bool", "last_message timestamptz", "errors int8 counter", "conflicts int8 counter", "detail text"]
-- # The server may be promoted meanwhile.
-- retry   = ["55000"]
-- [[hidden]]
-- when = "EXISTS (SELECT FROM pg_catalog.pg_stat_replication r WHERE r.state IS NULL) OR EXISTS (SELECT FROM pg_catalog.pg_stat_wal_receiver w WHERE w.status IS NULL)"
-- says = "states, addresses and lags of senders and of the receiver are not shown; pg_read_all_stats shows them"
WITH place AS (
    -- A standby sends on what it has received, and has replayed more than that where it reads the archive.
    SELECT x.is_standby, x.received, x.replayed,
           CASE WHEN x.is_standby THEN greatest(x.received, x.replayed) ELSE pg_catalog.pg_current_wal_lsn() END AS lsn
    FROM (SELECT r.is_standby, pg_catalog.pg_last_wal_receive_lsn() AS received, pg_catalog.pg_last_wal_replay_lsn() AS replayed
          FROM (SELECT pg_catalog.pg_is_in_recovery() AS is_standby OFFSET 0) AS r OFFSET 0) AS x
), sessions AS (
    SELECT a.pid, a.datid, a.datname
    FROM pg_catalog.pg_stat_activity a
), slots AS (
    SELECT s.*,
           NULL::text AS wal_status, NULL::int8 AS safe_wal_size,  -- pg..12
           CASE WHEN s.conflicting THEN 'conflict with recovery' END AS reason  -- pg16..16
           s.invalidation_reason AS reason  -- pg17..
           NULL::text AS reason  -- pg..15
           , NULL::timestamptz AS inactive_since, NULL::bool AS failover, NULL::bool AS synced  -- pg..16
    FROM pg_catalog.pg_replication_slots s
), receiver AS (
    SELECT w.pid, w.status, w.latest_end_lsn, w.last_msg_receipt_time, w.slot_name, w.conninfo,
           w.sender_host,  -- pg11..
           substring(w.conninfo FROM '(?:^| )host=(\S+)') AS sender_host,  -- pg..10
           w.written_lsn  -- pg13..
           NULL::pg_lsn AS written_lsn  -- pg..12
    FROM pg_catalog.pg_stat_wal_receiver w
), workers AS (
    -- Up to 13 not everybody may read a subscription's OID, but a worker tells its database.
    SELECT
           w.subid AS id,  -- pg14..
           a.datid AS database, w.subname AS name,  -- pg..13
           pg_catalog.count(*) FILTER (WHERE w.relid IS NULL) AS applying,
           pg_catalog.count(*) FILTER (WHERE w.relid IS NOT NULL) AS copying,
           pg_catalog.max(w.last_msg_receipt_time) AS last_message
    FROM pg_catalog.pg_stat_subscription w
    JOIN sessions a ON a.pid = w.pid  -- pg..13
    WHERE w.pid IS NOT NULL
    GROUP BY 1
           , 2  -- pg..13
), answer AS (
    SELECT 1 AS place, 'receiver' AS role,
           -- The name under which the upstream knows it.
           coalesce(substring(w.conninfo FROM '(?:^| )application_name=(\S+)'), substring(w.conninfo FROM '(?:^| )fallback_application_name=(\S+)')) AS name,
           w.sender_host AS client,
           CASE WHEN w.pid IS NULL THEN 'no receiver' ELSE w.status END AS state,
           NULL::pg_lsn AS sent,
           -- What it receives begins anew with a segment: it may have replayed more than that.
           CASE WHEN w.written_lsn IS NOT NULL THEN greatest(w.written_lsn, p.lsn) END AS written, CASE WHEN p.received IS NOT NULL THEN p.lsn END AS flushed,
           CASE WHEN p.received IS NOT NULL THEN p.replayed END AS replayed,
           greatest(p.lsn, w.latest_end_lsn) AS target,
           CASE
               WHEN p.replayed >= p.received THEN 0
               -- Without a receiver since the start nobody knows what there is to replay.
               WHEN p.received IS NOT NULL
                   THEN extract(epoch FROM greatest(pg_catalog.clock_timestamp(), x.committed) - x.committed)
           END AS replay_lag_s,
           w.slot_name AS slot, NULL::pg_lsn AS kept, NULL::int8 AS safe_bytes, NULL::timestamptz AS inactive_since,
           'physical' AS kind, NULL::text AS database, NULL::text AS "user", w.pid, NULL::text AS sync, NULL::text AS wal_status,
           NULL::int8 AS xmin_age, NULL::bool AS temporary, NULL::bool AS failover, NULL::bool AS synced,
           w.last_msg_receipt_time AS last_message, NULL::int8 AS errors, NULL::int8 AS conflicts,
           CASE WHEN p.is_standby AND pg_catalog.pg_is_wal_replay_paused() THEN 'replay is paused'
                WHEN w.pid IS NULL AND p.received IS NULL THEN 'nothing was received since the start'
           END AS detail
    FROM place p
    CROSS JOIN (SELECT pg_catalog.pg_last_xact_replay_timestamp() AS committed OFFSET 0) AS x
    LEFT JOIN receiver w ON true
    WHERE p.is_standby
    UNION ALL
    SELECT 2, 'sender', r.application_name, coalesce(nullif(pg_catalog.host(r.client_addr), ''), CASE WHEN r.client_port = -1 THEN 'local' END), r.state,
           nullif(r.sent_lsn, '0/0'), nullif(r.write_lsn, '0/0'), nullif(r.flush_lsn, '0/0'), nullif(r.replay_lsn, '0/0'),
           p.lsn,
           CASE WHEN r.replay_lsn >= p.lsn THEN 0 ELSE extract(epoch FROM r.replay_lag) END,
           s.names, NULL, NULL, NULL,
           coalesce(s.kind, CASE WHEN a.datname IS NOT NULL THEN 'logical' ELSE 'physical' END),
           a.datname::text, r.usename::text, r.pid, r.sync_state, NULL,
           pg_catalog.age(r.backend_xmin)::int8, NULL, NULL, NULL,
           r.reply_time,  -- pg12..
           NULL,  -- pg..11
           NULL, NULL, NULL
    FROM pg_catalog.pg_stat_replication r
    CROSS JOIN place p
    LEFT JOIN sessions a ON a.pid = r.pid
    -- One that holds temporary slots may have several.
    LEFT JOIN (SELECT s.active_pid, pg_catalog.string_agg(s.slot_name::text, ', ' ORDER BY s.slot_name::text COLLATE "C") AS names,
                      pg_catalog.min(s.slot_type) AS kind
               FROM slots s
               GROUP BY s.active_pid) AS s ON s.active_pid = r.pid
    UNION ALL
    SELECT 3, 'slot', s.slot_name::text, NULL,
           CASE WHEN s.wal_status = 'lost' OR s.reason IS NOT NULL THEN 'lost' WHEN s.active THEN 'active' ELSE 'inactive' END,
           NULL, NULL, CASE WHEN s.wal_status IS DISTINCT FROM 'lost' THEN s.confirmed_flush_lsn END, NULL, p.lsn, NULL,
           -- What is lost keeps nothing.
           s.slot_name::text, CASE WHEN s.wal_status = 'lost' OR s.reason IS NOT NULL THEN NULL ELSE s.restart_lsn END,
           -- For a slot that was never used the server computes from the start of time.
           CASE WHEN s.restart_lsn IS NOT NULL THEN s.safe_wal_size END, s.inactive_since,
           s.slot_type, s.database::text, NULL, NULL, NULL, s.wal_status,
           -- A slot that is lost holds nothing back any more.
           CASE WHEN s.wal_status IS DISTINCT FROM 'lost' THEN  -- pg13..
           greatest(pg_catalog.age(s.xmin), pg_catalog.age(s.catalog_xmin))::int8
           END  -- pg13..
           , s.temporary, s.failover, s.synced,
           NULL, NULL, NULL,
           CASE WHEN s.reason IS NOT NULL THEN s.reason
                WHEN s.wal_status = 'lost' THEN 'wal_removed'
                WHEN s.slot_name::text ~ '^pg_[0-9]+_sync_[0-9]+' THEN 'first copy of a subscription''s table'
                WHEN s.restart_lsn IS NULL THEN 'not used yet, keeps nothing'
           END
    FROM slots s
    CROSS JOIN place p
    UNION ALL
    SELECT 4, 'subscription', b.subname::text, NULL,
           CASE WHEN NOT b.subenabled THEN 'disabled' WHEN coalesce(w.applying, 0) = 0 THEN 'no worker' WHEN w.copying > 0 THEN 'copying' ELSE 'streaming' END,
           NULL, NULL, NULL, NULL, NULL, NULL,
           b.subslotname::text, NULL, NULL, NULL, 'logical', d.datname::text, u.rolname::text, NULL, NULL, NULL, NULL, NULL,
           NULL, NULL,
           w.last_message,
           NULL,  -- pg..14
           t.apply_error_count + t.sync_error_count,  -- pg15..
           NULL,  -- pg..17
           t.confl_insert_exists + t.confl_update_origin_differs + t.confl_update_exists + t.confl_update_missing  -- pg18..
               + t.confl_delete_origin_differs + t.confl_delete_missing + t.confl_multiple_unique_conflicts,  -- pg18..
           nullif(pg_catalog.concat_ws(', ', CASE WHEN w.copying > 0 THEN w.copying::text || ' tables are copied now' END,
                                       'publications ' || pg_catalog.array_to_string(b.subpublications, ' ')), '')
    FROM pg_catalog.pg_subscription b
    LEFT JOIN pg_catalog.pg_database d ON d.oid = b.subdbid
    LEFT JOIN pg_catalog.pg_roles u ON u.oid = b.subowner
    LEFT JOIN workers w ON w.id = b.oid  -- pg14..
    LEFT JOIN workers w ON w.database = b.subdbid AND w.name = b.subname  -- pg..13
    LEFT JOIN pg_catalog.pg_stat_subscription_stats t ON t.subid = b.oid  -- pg15..
    -- A standby has the subscriptions of its upstream, and runs none.
    WHERE NOT pg_catalog.pg_is_in_recovery()
)
SELECT a.role,
       a.name,
       a.client,
       a.state,
       pg_catalog.pg_wal_lsn_diff(greatest(a.target, a.sent), a.sent)::int8 AS sent_lag_bytes,
       pg_catalog.pg_wal_lsn_diff(greatest(a.target, a.written), a.written)::int8 AS write_lag_bytes,
       pg_catalog.pg_wal_lsn_diff(greatest(a.target, a.flushed), a.flushed)::int8 AS flush_lag_bytes,
       pg_catalog.pg_wal_lsn_diff(greatest(a.target, a.replayed), a.replayed)::int8 AS replay_lag_bytes,
       pg_catalog.round(a.replay_lag_s::numeric, 3)::float8 AS replay_lag_s,
       a.slot,
       pg_catalog.pg_wal_lsn_diff(greatest(a.target, a.kept), a.kept)::int8 AS kept_bytes,
       a.safe_bytes,
       a.inactive_since,
       a.kind,
       a.database,
       a."user",
       a.pid,
       a.sync,
       a.wal_status,
       a.xmin_age,
       a.temporary,
       a.failover,
       a.synced,
       a.last_message,
       a.errors,
       a.conflicts,
       a.detail
FROM answer a
ORDER BY a.place,
         CASE a.state WHEN 'lost' THEN 1 WHEN 'no worker' THEN 2 WHEN 'disabled' THEN 3 WHEN 'inactive' THEN 4 ELSE 5 END,
         kept_bytes DESC NULLS LAST, replay_lag_bytes DESC NULLS LAST, a.name COLLATE "C", a.database COLLATE "C", a.pid
