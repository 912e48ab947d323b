-- What keeps VACUUM from removing dead rows and from freezing: sessions, prepared transactions, slots and standbys.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows how long other roles' sessions have held back VACUUM"
-- scope   = "server"
-- key     = ["object"]
-- private = ["object", "what"]
-- columns = ["object text", "kind text", "database text", "xid_age int8", "held_s float8", "is_held_long bool", "lags bool", "what text", "remedy text"]
-- [[check]]
-- name     = "horizon-held"
-- object   = "{object}"
-- value    = "xid_age"
-- critical = ["xid_age >= 100000000", "xid_age >= 1000000 and held_s >= 24h"]
-- warning  = ["xid_age >= 1000000 and held_s >= 1h", "xid_age >= 1000000 and is_held_long", "xid_age >= 10000000 and lags"]
-- unseen   = "xid_age >= 1000000 and held_s is null and not is_held_long and not lags"
-- unseen_because = "how long {object} has held back VACUUM is visible only to members of pg_read_all_stats"
-- finding  = "{what}: rows that were deleted in the last {xid_age} transactions cannot be removed"
-- remedy   = "{remedy}"
-- why      = "Tables and indexes grow, queries get slower, and the age of the transaction IDs grows toward the wraparound limit as long as this one old snapshot is held."
-- source   = "ComputeXidHorizons in PostgreSQL's sources; pg_stat_activity.backend_xmin, pg_prepared_xacts, pg_replication_slots, pg_stat_replication"
-- ignore   = "A long dump or report that is known to end."
-- proof    = "pgkit vacuum --scope horizon"
WITH clock AS (
    SELECT pg_catalog.clock_timestamp() AS now OFFSET 0
), slots AS (
    SELECT s.*,
           s.inactive_since AS since  -- pg17..
           NULL::timestamptz AS since  -- pg..16
    FROM pg_catalog.pg_replication_slots s
    WHERE true
      AND s.wal_status IS DISTINCT FROM 'lost'  -- pg13..
), sessions AS (
    -- VACUUM itself holds nothing back; a session that decodes for a slot is listed with the slot.
    SELECT a.*, greatest(pg_catalog.age(a.backend_xid), pg_catalog.age(a.backend_xmin))::int8 AS xid_age
    FROM pg_catalog.pg_stat_activity a
    WHERE (a.backend_xid IS NOT NULL OR a.backend_xmin IS NOT NULL)
      AND a.pid <> pg_catalog.pg_backend_pid()
      AND a.pid NOT IN (SELECT v.pid FROM pg_catalog.pg_stat_progress_vacuum v)
      AND a.backend_type IS DISTINCT FROM 'parallel worker'
      AND a.backend_type IS DISTINCT FROM 'autovacuum worker'
      AND a.pid NOT IN (SELECT s.active_pid FROM slots s WHERE s.active_pid IS NOT NULL)
), holders AS (
    SELECT CASE WHEN r.pid IS NOT NULL THEN 'standby ' || coalesce(nullif(a.application_name, ''), a.pid::text) ELSE 'session ' || a.pid::text END AS object,
           CASE WHEN r.pid IS NOT NULL THEN 'standby' ELSE 'session' END AS kind,
           a.datname::text AS database, a.xid_age,
           -- A standby does not report since when.
           CASE WHEN r.pid IS NULL THEN a.xact_start END AS since,
           false AS is_held_long, r.pid IS NOT NULL AS lags,
           CASE WHEN r.pid IS NOT NULL THEN 'the standby of process ' || a.pid::text || pg_catalog.concat(' (', nullif(a.application_name, ''), ')') || ' holds back VACUUM for one of its own queries (hot_standby_feedback)'
                ELSE pg_catalog.concat('session ', a.pid, ' of ', coalesce(a.usename::text, a.backend_type, 'an unknown role'), ' in ' || a.datname::text, CASE WHEN a.state IS NOT NULL THEN ', ' || a.state END, ', holds back VACUUM') END AS what,
           CASE WHEN r.pid IS NOT NULL THEN 'End the long query on the standby, or set hot_standby_feedback off there' ELSE 'SELECT pg_terminate_backend(' || a.pid::text || ')' END AS remedy
    FROM sessions a
    LEFT JOIN (SELECT DISTINCT w.pid FROM pg_catalog.pg_stat_replication w) AS r ON r.pid = a.pid
    UNION ALL
    SELECT 'prepared transaction ' || p.gid, 'prepared', p.database::text, pg_catalog.age(p.transaction)::int8, p.prepared, false, false,
           pg_catalog.format('the prepared transaction %s of %s in %s holds back VACUUM', p.gid, p.owner, p.database), pg_catalog.format('In its database: COMMIT PREPARED %1$L if its coordinator has committed, otherwise ROLLBACK PREPARED %1$L', p.gid)
    FROM pg_catalog.pg_prepared_xacts p
    UNION ALL
    -- The server does not record since when a slot has held back VACUUM; an inactive slot did so before it became inactive.
    SELECT 'slot ' || s.slot_name::text, 'slot', s.database::text, greatest(pg_catalog.age(s.xmin), pg_catalog.age(s.catalog_xmin))::int8, s.since, NOT s.active AND s.since IS NULL, s.active OR s.since IS NOT NULL,
           pg_catalog.concat('the replication slot ', s.slot_name, CASE WHEN s.active THEN ', active,' ELSE ', inactive,' END, ' holds back VACUUM', CASE WHEN s.xmin IS NULL THEN ' of system catalogs' END),
           CASE WHEN s.active THEN 'Find out why the consumer of ' || s.slot_name::text || ' does not advance' ELSE pg_catalog.format('SELECT pg_drop_replication_slot(%L), or start its consumer', s.slot_name) END
    FROM slots s
    WHERE s.xmin IS NOT NULL OR s.catalog_xmin IS NOT NULL
)
SELECT h.object, h.kind, h.database, h.xid_age,
       -- This is unknown for slots and standbys; for sessions it may be hidden.
       CASE WHEN h.since IS NULL AND h.kind IN ('slot', 'standby') THEN 0 ELSE pg_catalog.round(extract(epoch FROM greatest(c.now, h.since) - h.since)::numeric, 3) END::float8 AS held_s,
       h.is_held_long, h.lags, h.what, h.remedy
FROM holders h
CROSS JOIN clock c
WHERE h.xid_age >= 1000000
ORDER BY h.xid_age DESC, h.object COLLATE "C"
