-- Replication slots that keep WAL or old rows, are lost, or have no consumer.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "server"
-- # The server may be promoted meanwhile.
-- retry   = ["55000"]
-- key     = ["kind", "slot"]
-- columns = ["kind text", "slot text", "database text", "type text", "active bool", "is_copy bool", "is_synced bool", "is_lost bool", "is_endangered bool", "remedy text", "reason text", "kept_bytes int8", "safe_bytes int8", "is_ending bool", "inactive_s float8", "holds_xmin bool", "xid_age int8", "sampled_s float8", "what text", "since text"]
-- [[check]]
-- name     = "slot-retains-wal"
-- only     = "kind = 'slot' and not is_lost"
-- object   = "{slot}"
-- value    = "kept_bytes"
-- database = "database"
-- critical = ["kept_bytes >= 50GB and not active", "is_ending"]
-- warning  = ["kept_bytes >= 10GB and not active", "kept_bytes >= 50GB"]
-- note     = "kept_bytes >= 10GB"
-- finding  = "{what}"
-- remedy   = "Start its consumer again, or SELECT pg_drop_replication_slot({slot:literal}); max_slot_wal_keep_size (13 and later) limits how much WAL slots may keep"
-- why      = "A slot keeps WAL until its consumer has read it, no matter how much that is. When the disk of the WAL is full, the server stops."
-- source   = "pg_replication_slots.restart_lsn, wal_status and safe_wal_size; check_pgactivity, pgmonitor, awesome-prometheus-alerts"
-- ignore   = "A consumer that is catching up while the disk has enough room."
-- proof    = "pgkit replication"
-- [[check]]
-- name     = "slot-retains-wal"
-- only     = "kind = 'setting'"
-- object   = "{slot}"
-- note     = "kind = 'setting'"
-- finding  = "{what}"
-- remedy   = "ALTER SYSTEM SET max_slot_wal_keep_size to what the disk has room for; SELECT pg_reload_conf()"
-- why      = "A slot keeps WAL until its consumer has read it, no matter how much that is. When the disk of the WAL is full, the server stops."
-- source   = "the manual, max_slot_wal_keep_size, from 13 on"
-- ignore   = "Slots that must not be lost, on a disk that is watched."
-- proof    = "pgkit settings --all --grep max_slot_wal_keep_size"
-- [[check]]
-- name     = "slot-lost"
-- only     = "kind = 'slot'"
-- object   = "{slot}"
-- database = "database"
-- critical = "is_lost"
-- warning  = "is_endangered"
-- finding  = "the {type} slot {slot} {reason}"
-- remedy   = "{remedy}"
-- why      = "The WAL that its consumer needs is gone: the consumer can never continue from where it was."
-- source   = "pg_replication_slots.wal_status (13 and later), conflicting (16), invalidation_reason (17)"
-- ignore   = "A slot whose consumer has already been replaced: drop it."
-- proof    = "pgkit replication"
-- [[check]]
-- name     = "slot-inactive"
-- only     = "kind = 'slot' and not is_lost and not active and not is_synced and not is_copy"
-- object   = "{slot}"
-- value    = "inactive_s"
-- database = "database"
-- warning  = ["inactive_s >= 1h and kept_bytes > 1GB", "inactive_s >= 1h and holds_xmin", "inactive_s is null and kept_bytes > 1GB", "inactive_s is null and xid_age >= 1000000", "holds_xmin and was_active = false and change_sampled_s >= 1h"]
-- note     = "not active"
-- finding  = "no consumer reads from the {type} slot {slot}{since}"
-- remedy   = "Start its consumer again, or SELECT pg_drop_replication_slot({slot:literal})"
-- why      = "It keeps WAL and, if it has an xmin, old rows for a consumer that does not connect."
-- source   = "pg_replication_slots.active, inactive_since (17 and later); pgmonitor, pghero, awesome-prometheus-alerts"
-- ignore   = "A consumer that connects at fixed times."
-- proof    = "pgkit replication"
-- [[check]]
-- name     = "leftover-sync-slot"
-- only     = "kind = 'slot' and is_copy and not active and not is_lost"
-- object   = "{slot}"
-- value    = "inactive_s"
-- database = "database"
-- warning  = ["inactive_s >= 1d", "inactive_s is null and kept_bytes > 1GB", "inactive_s is null and xid_age >= 1000000", "was_active = false and change_sampled_s >= 1d"]
-- note     = "not active"
-- finding  = "the slot {slot} was created for the initial copy of a subscription's table, and no consumer reads from it{since}"
-- remedy   = "SELECT pg_drop_replication_slot({slot:literal}), if the subscriber no longer copies that table"
-- why      = "The copy was abandoned, or its subscription was dropped while this server could not be reached. The slot keeps WAL and old catalog rows forever."
-- source   = "ReplicationSlotNameForTablesync: pg_<subscription>_sync_<table>_<system identifier>"
-- ignore   = "A copy that is about to be retried."
-- proof    = "pgkit replication"
WITH place AS (
    SELECT r.is_standby, CASE WHEN r.is_standby THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END AS lsn, pg_catalog.clock_timestamp() AS now
    FROM (SELECT pg_catalog.pg_is_in_recovery() AS is_standby OFFSET 0) AS r
), setting AS (
    SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting('max_slot_wal_keep_size')) AS most  -- pg13..
    SELECT NULL::int8 AS most  -- pg..12
), slots AS (
    SELECT s.*,
           NULL::text AS wal_status, NULL::int8 AS safe_wal_size,  -- pg..12
           CASE WHEN s.conflicting THEN 'conflict with recovery' END AS cause  -- pg16..16
           s.invalidation_reason AS cause  -- pg17..
           NULL::text AS cause  -- pg..15
           , NULL::timestamptz AS inactive_since, NULL::bool AS synced  -- pg..16
    FROM pg_catalog.pg_replication_slots s
    WHERE NOT s.temporary
), judged AS (
    SELECT s.slot_name::text AS slot, s.database::text AS database, s.slot_type AS type, s.active, s.slot_name::text ~ '^pg_[0-9]+_sync_[0-9]+(_[0-9]+)?$' AS is_copy,
           coalesce(s.synced, false) AND p.is_standby AS is_synced,
           coalesce(s.wal_status = 'lost', false) OR s.cause IS NOT NULL AS is_lost,
           coalesce(s.wal_status = 'unreserved', false) AS is_endangered,
           s.cause, s.inactive_since, t.most, p.now,
           -- A slot that was never used keeps nothing.
           coalesce(pg_catalog.pg_wal_lsn_diff(greatest(p.lsn, s.restart_lsn), s.restart_lsn), 0)::int8 AS kept_bytes,
           -- For a slot that was never used, the server computes this from the beginning of all WAL.
           CASE WHEN s.restart_lsn IS NOT NULL THEN s.safe_wal_size END AS safe_bytes,
           s.xmin IS NOT NULL OR s.catalog_xmin IS NOT NULL AS holds_xmin,
           greatest(pg_catalog.age(s.xmin), pg_catalog.age(s.catalog_xmin))::int8 AS xid_age
    FROM slots s
    CROSS JOIN place p
    CROSS JOIN setting t
)
SELECT 'slot' AS kind, j.slot, j.database, j.type, j.active, j.is_copy, j.is_synced, j.is_lost, j.is_endangered,
       CASE WHEN j.is_lost THEN 'Rebuild its consumer (a standby from a base backup, a subscription with a new copy), then SELECT pg_drop_replication_slot(' || pg_catalog.quote_literal(j.slot) || ')'
            WHEN j.is_endangered THEN 'Start its consumer before the next checkpoint, or raise max_slot_wal_keep_size and run SELECT pg_reload_conf()' ELSE '' END AS remedy,
       CASE WHEN j.is_lost THEN 'is lost' || CASE WHEN j.cause IS NOT NULL THEN ' (' || j.cause || ')' ELSE ': WAL that it needs has been removed' END
            WHEN j.is_endangered THEN 'keeps more WAL than max_slot_wal_keep_size allows, and will be lost at one of the next checkpoints' ELSE '' END AS reason,
       j.kept_bytes, j.safe_bytes,
       coalesce(NOT j.is_lost AND j.safe_bytes < least(1073741824, j.most / 5), false) AS is_ending,
       -- From 17 on, the server records since when.
       CASE WHEN NOT j.active THEN pg_catalog.round(extract(epoch FROM greatest(j.now, j.inactive_since) - j.inactive_since)::numeric, 3) END::float8 AS inactive_s,
       j.holds_xmin, j.xid_age,
       pg_catalog.round(extract(epoch FROM j.now)::numeric, 3)::float8 AS sampled_s,
       pg_catalog.concat('the ', j.type, ' slot ', j.slot, CASE WHEN j.active THEN ', which is active,' ELSE ', which is not active,' END, ' keeps ', pg_catalog.pg_size_pretty(j.kept_bytes), ' of WAL',
                         CASE WHEN j.safe_bytes IS NOT NULL THEN ' and is lost after ' || pg_catalog.pg_size_pretty(greatest(j.safe_bytes, 0)) || ' more' END) AS what,
       pg_catalog.concat(CASE WHEN j.inactive_since IS NOT NULL THEN ' since ' || pg_catalog.to_char(pg_catalog.timezone('UTC', j.inactive_since), 'YYYY-MM-DD HH24:MI') || ' UTC' END,
                         CASE WHEN j.kept_bytes > 0 THEN '; it keeps ' || pg_catalog.pg_size_pretty(j.kept_bytes) || ' of WAL' END,
                         CASE WHEN j.holds_xmin THEN CASE WHEN j.kept_bytes > 0 THEN ' and' ELSE '; it keeps' END || ' old rows of ' || j.xid_age::text || CASE WHEN j.xid_age = 1 THEN ' transaction' ELSE ' transactions' END END) AS since
FROM judged j
UNION ALL
SELECT 'setting', 'max_slot_wal_keep_size', NULL, NULL, false, false, false, false, false, '', '', 0, NULL, false, NULL, false, NULL, NULL,  -- pg13..
       'max_slot_wal_keep_size is -1: a slot whose consumer is gone can fill the disk with WAL', ''  -- pg13..
FROM judged j  -- pg13..
WHERE j.most < 0 AND NOT j.is_lost  -- pg13..
HAVING pg_catalog.count(*) > 0  -- pg13..
SELECT 'setting', '', NULL, NULL, false, false, false, false, false, '', '', NULL, NULL, false, NULL, false, NULL, NULL, '', '' WHERE false  -- pg..12
ORDER BY 1 DESC, 12 DESC NULLS LAST, 2
