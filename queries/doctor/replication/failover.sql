-- Failover slots that are not synchronized, and walsenders that wait for a missing slot of a standby.
--
-- since   = 17
-- needs   = "no special privilege"
-- scope   = "server"
-- key     = ["kind", "slot"]
-- columns = ["kind text", "slot text", "what text", "remedy text"]
-- [[check]]
-- name     = "failover-slot-unsynced"
-- object   = "{slot}"
-- warning  = "kind <> ''"
-- finding  = "{what}"
-- remedy   = "{remedy}"
-- why      = "After a failover, the subscribers find no slot on the new primary and lose changes. If synchronized_standby_slots names a slot that is missing, all logical walsenders wait forever."
-- source   = "the manual, logical replication failover: pg_replication_slots.failover and synced, synchronized_standby_slots"
-- ignore   = "Nothing to ignore: slots that are not for failover are not checked."
-- proof    = "pgkit replication"
WITH named AS (
    SELECT DISTINCT pg_catalog.btrim(n.slot, ' "') AS slot
    FROM pg_catalog.unnest(pg_catalog.string_to_array(pg_catalog.current_setting('synchronized_standby_slots'), ',')) AS n (slot)
    WHERE pg_catalog.btrim(n.slot, ' "') <> '' AND NOT pg_catalog.pg_is_in_recovery()
), found AS (
    -- A slot that was not created by the synchronization stops it, for this slot and, on 17, for all slots.
    SELECT 'stale' AS kind, s.slot_name::text AS slot,
           'the failover slot ' || s.slot_name::text || ' on this standby is not synchronized: a slot of the same name from before the last switchover is in the way' AS what,
           pg_catalog.format('SELECT pg_drop_replication_slot(%L) on this standby', s.slot_name) AS remedy
    FROM pg_catalog.pg_replication_slots s
    WHERE pg_catalog.pg_is_in_recovery() AND s.failover AND NOT s.synced
    UNION ALL
    SELECT 'missing', n.slot,
           'synchronized_standby_slots names the slot ' || n.slot || ', which ' || CASE WHEN s.slot_name IS NULL THEN 'does not exist' WHEN s.slot_type <> 'physical' THEN 'is not physical' ELSE 'is lost' END || ': logical walsenders of failover slots wait for it',
           'Create the slot on this server for its standby, or remove it from the list: ALTER SYSTEM SET synchronized_standby_slots, then SELECT pg_reload_conf()'
    FROM named n
    LEFT JOIN pg_catalog.pg_replication_slots s ON s.slot_name::text = n.slot
    WHERE s.slot_name IS NULL OR s.slot_type <> 'physical' OR s.invalidation_reason IS NOT NULL OR s.wal_status = 'lost'
)
SELECT f.kind, f.slot, f.what, f.remedy
FROM found f
ORDER BY f.kind, f.slot COLLATE "C"
