-- Whether checkpoints are forced by the amount of WAL, and whether anything makes backups.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "server"
-- key     = ["role"]
-- columns = ["role text", "timed int8 counter", "requested int8 counter", "total int8 counter", "requested_pct float8", "every_s float8", "close_s float8", "close_per_hour float8", "stats_age_s float8", "seen bool", "sampled_s float8"]
-- [[check]]
-- name     = "checkpoints-requested"
-- only     = "role = 'primary'"
-- object   = ""
-- value    = "requested_pct"
-- warning  = ["change_total >= 10 and change_requested > change_timed and per_hour_total > close_per_hour", "total >= 10 and requested_pct > 50 and every_s < close_s and stats_age_s > 1h"]
-- finding  = "checkpoints are forced by the amount of WAL: {requested} of {total} since the counters began, one every {every_s} on average"
-- remedy   = "ALTER SYSTEM SET max_wal_size to several times its value; SELECT pg_reload_conf()"
-- why      = "After each checkpoint, the server writes whole pages to the WAL again: more checkpoints mean more WAL, which forces still more checkpoints."
-- source   = "pg_stat_bgwriter, from 17 pg_stat_checkpointer; checkpoint_warning; awesome-prometheus-alerts, postgresqltuner"
-- ignore   = "The hours of a bulk load; base backups and CREATE DATABASE request checkpoints too."
-- proof    = "pgkit checkpoints"
-- [[check]]
-- name     = "no-backup-seen"
-- only     = "role = 'primary'"
-- object   = ""
-- note     = "not seen and was_seen = false and change_sampled_s >= 7d"
-- finding  = "WAL is not archived, and no base backup was seen in a week of snapshots"
-- remedy   = "If pg_dump or snapshots of disks are the backup, ignore this check; otherwise set up backups, and test a restore"
-- why      = "A server without a backup is one mistake away from losing everything, and a standby repeats the mistake."
-- source   = "archive_mode, pg_stat_replication; pgmonitor for pgBackRest"
-- ignore   = "Backups with pg_dump or snapshots of disks, which cannot be seen from here."
WITH counted AS (
    SELECT b.checkpoints_timed AS timed, b.checkpoints_req AS requested, b.stats_reset FROM pg_catalog.pg_stat_bgwriter b  -- pg..16
    SELECT c.num_timed AS timed, c.num_requested AS requested, c.stats_reset FROM pg_catalog.pg_stat_checkpointer c  -- pg17..
), timed AS (
    SELECT c.*, c.timed + c.requested AS total, extract(epoch FROM greatest(m.now, c.stats_reset) - c.stats_reset)::float8 AS age, extract(epoch FROM m.now)::numeric AS now
    FROM counted c
    CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS now OFFSET 0) AS m
), limits AS (
    SELECT s.setting::float8 * 4 AS close_s FROM pg_catalog.pg_settings s WHERE s.name = 'checkpoint_warning'
)
SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'standby' ELSE 'primary' END AS role,
       t.timed,
       t.requested,
       t.total,
       pg_catalog.round((100.0 * t.requested / greatest(t.total, 1))::numeric, 1)::float8 AS requested_pct,
       pg_catalog.round((t.age / greatest(t.total, 1))::numeric, 1)::float8 AS every_s,
       l.close_s,
       -- If the warning is off, no interval is too short.
       CASE WHEN l.close_s > 0 THEN 3600 / l.close_s ELSE 'Infinity'::float8 END AS close_per_hour,
       pg_catalog.round(t.age::numeric, 3)::float8 AS stats_age_s,
       pg_catalog.current_setting('archive_mode') <> 'off'
           OR EXISTS (SELECT FROM pg_catalog.pg_stat_replication r WHERE r.state = 'backup' OR r.application_name ~* 'basebackup|receivewal|barman|pgbackrest|wal-g|wal_g|backup')
           OR EXISTS (SELECT FROM pg_catalog.pg_replication_slots s WHERE s.slot_name::text ~* 'basebackup|receivewal|barman|backup')
           OR EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.application_name ~* 'pg_basebackup|pg_dump|pgbackrest|barman|wal-g') AS seen,
       pg_catalog.round(t.now, 3)::float8 AS sampled_s
FROM timed t
CROSS JOIN limits l
ORDER BY 1
