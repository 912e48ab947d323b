-- How far standbys are behind: those that receive WAL from this server, and this server if it is a standby.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows the state of standbys"
-- scope   = "server"
-- # The server may be promoted meanwhile.
-- retry   = ["55000"]
-- key     = ["role", "object", "pid"]
-- private = ["object"]
-- columns = ["role text", "object text", "pid int4", "state text", "lag_bytes int8", "lag_s float8", "is_settled bool", "differs bool", "stage text"]
-- [[check]]
-- name     = "standby-lag"
-- object   = "{object}"
-- value    = "lag_bytes"
-- critical = ["is_settled and lag_bytes >= 10GB", "is_settled and differs and lag_s >= 1h"]
-- warning  = ["is_settled and lag_bytes >= 1GB", "is_settled and differs and lag_s >= 5min"]
-- note     = ["lag_bytes >= 1GB", "role = 'archive' and lag_s >= 1h"]
-- unseen   = "role = 'sender' and state is null"
-- unseen_because = "the state of the standby {object} is visible only to members of pg_read_all_stats"
-- finding  = "replication to {object} is {lag_bytes} of WAL behind{stage}"
-- remedy   = "The first stage that lags is the cause: sending (the network), writing and flushing (the standby's disk), or replaying (one long query or a slow disk there)"
-- why      = "Reads on the standby return old data, and a failover loses the missing WAL or waits for it."
-- source   = "pg_stat_replication, pg_last_wal_receive_lsn, pg_last_wal_replay_lsn; a time alone says nothing, since it grows while the primary is idle"
-- ignore   = "A standby that is delayed on purpose (recovery_min_apply_delay is subtracted on the standby itself), or that is catching up after a start."
-- proof    = "pgkit replication"
WITH place AS (
    SELECT x.is_standby, x.received, x.replayed, x.committed, pg_catalog.clock_timestamp() AS now,
           CASE WHEN x.is_standby THEN greatest(x.received, x.replayed) ELSE pg_catalog.pg_current_wal_lsn() END AS lsn
    FROM (SELECT r.is_standby, pg_catalog.pg_last_wal_receive_lsn() AS received, pg_catalog.pg_last_wal_replay_lsn() AS replayed, pg_catalog.pg_last_xact_replay_timestamp() AS committed
          FROM (SELECT pg_catalog.pg_is_in_recovery() AS is_standby OFFSET 0) AS r OFFSET 0) AS x
), waited AS (
    -- After an idle time, and during a long transaction, the last commit is old although replay goes on: then the place of
    -- replay moves within half a second.
    SELECT p.*, CASE WHEN p.is_standby AND p.received > p.replayed AND p.now - p.committed > '1 min'::interval THEN pg_catalog.pg_sleep(0.5)::text END AS slept
    FROM place p
    OFFSET 0
), watched AS (
    SELECT w.*, w.slept IS NOT NULL AND pg_catalog.pg_last_wal_replay_lsn() > w.replayed AS goes_on
    FROM waited w
    OFFSET 0
), delay AS (
    -- Before 12 the delay is in recovery.conf, which cannot be read with SQL.
    SELECT coalesce((SELECT s.setting::float8 / 1000 FROM pg_catalog.pg_settings s WHERE s.name = 'recovery_min_apply_delay'), 0) AS delay_s
), senders AS (
    -- A client that only archives WAL (pg_receivewal) never replays it.
    SELECT r.pid, r.application_name, r.state, r.sent_lsn, r.write_lsn, r.flush_lsn, nullif(r.replay_lsn, '0/0') AS replay_lsn, r.replay_lag, p.lsn,
           pg_catalog.pg_wal_lsn_diff(greatest(p.lsn, r.replay_lsn), coalesce(nullif(r.replay_lsn, '0/0'), nullif(r.flush_lsn, '0/0')))::int8 AS lag_bytes
    FROM pg_catalog.pg_stat_replication r
    CROSS JOIN place p
    LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = r.pid
    WHERE a.datid IS NULL AND r.state IS DISTINCT FROM 'backup'
)
SELECT 'sender' AS role,
       coalesce(nullif(s.application_name, ''), 'process ' || s.pid::text) AS object,
       s.pid,
       s.state,
       -- NULL only if it is hidden: otherwise nothing has been confirmed yet, or nothing is late.
       CASE WHEN s.state IS NOT NULL THEN coalesce(s.lag_bytes, 0) END AS lag_bytes,
       CASE WHEN s.state IS NOT NULL THEN pg_catalog.round(coalesce(extract(epoch FROM s.replay_lag), 0)::numeric, 3) END::float8 AS lag_s,
       s.state = 'streaming' AS is_settled,
       -- A record or two without a commit do not count as lag.
       coalesce(s.lag_bytes > 4096, false) AS differs,
       pg_catalog.concat(CASE WHEN s.replay_lag IS NOT NULL THEN pg_catalog.format(' (%s s)', pg_catalog.round(extract(epoch FROM s.replay_lag)::numeric)) END,
                         CASE WHEN s.state <> 'streaming' THEN ', in state ' || s.state
                              WHEN pg_catalog.pg_wal_lsn_diff(s.lsn, s.sent_lsn) * 2 >= s.lag_bytes THEN '; most of it is not sent yet'
                              WHEN pg_catalog.pg_wal_lsn_diff(s.sent_lsn, s.flush_lsn) * 2 >= s.lag_bytes THEN '; most of it is sent but not flushed there'
                              ELSE '; most of it is flushed there but not replayed' END) AS stage
FROM senders s
UNION ALL
SELECT CASE WHEN p.received IS NULL THEN 'archive' ELSE 'receiver' END, 'this server', NULL, NULL,
       pg_catalog.pg_wal_lsn_diff(greatest(p.received, p.replayed), p.replayed)::int8,
       -- If everything that arrived has been replayed, the time of the last commit only says how long the primary has been idle.
       CASE WHEN p.received IS NULL OR (p.received > p.replayed AND NOT p.goes_on)
            THEN coalesce(greatest(pg_catalog.round((extract(epoch FROM greatest(p.now, p.committed) - p.committed)::float8 - d.delay_s)::numeric, 3), 0), 0)::float8
            ELSE 0 END,
       p.received IS NOT NULL AND (d.delay_s = 0 OR coalesce(extract(epoch FROM p.now - p.committed)::float8 > d.delay_s + 300, false)),
       coalesce(pg_catalog.pg_wal_lsn_diff(greatest(p.received, p.replayed), p.replayed) > 4096, false),
       CASE WHEN p.received IS NULL THEN '; it reads from the archive, and the last commit that it replayed is ' || pg_catalog.round(extract(epoch FROM p.now - p.committed)::numeric)::text || ' s old'
            WHEN p.received > p.replayed AND NOT p.goes_on THEN '; the WAL is received but not replayed since a commit ' || pg_catalog.round(extract(epoch FROM p.now - p.committed)::numeric)::text || ' s ago' ELSE '' END
FROM watched p
CROSS JOIN delay d
WHERE p.is_standby
ORDER BY 1, 5 DESC NULLS FIRST, 2, 3
