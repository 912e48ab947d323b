-- Subscriptions of this database that are disabled, have no worker, or have errors.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "database"
-- when    = "NOT pg_catalog.pg_is_in_recovery()"
-- key     = ["subscription"]
-- columns = ["subscription text", "is_enabled bool", "is_documented bool", "has_worker bool", "not_ready int8", "errors int8 counter", "conflicts int8 counter", "sampled_s float8", "what text", "remedy text"]
-- [[check]]
-- name     = "subscription-stopped"
-- object   = "{subscription}"
-- critical = ["not is_enabled and not is_documented", "is_enabled and not has_worker and was_has_worker = false"]
-- warning  = ["not is_enabled", "is_enabled and not has_worker", "not_ready > 0 and was_not_ready = not_ready and change_sampled_s >= 1h"]
-- finding  = "the subscription {subscription} {what}"
-- remedy   = "{remedy}"
-- why      = "Changes no longer arrive, and the subscription's slot on the publisher keeps WAL until the disk is full."
-- source   = "pg_subscription.subenabled, pg_stat_subscription.pid, pg_subscription_rel.srsubstate; cloudnative-pg"
-- ignore   = "A subscription that was disabled on purpose: with a comment that explains it (COMMENT ON SUBSCRIPTION), it is only a warning."
-- proof    = "pgkit replication"
-- [[check]]
-- name     = "subscription-errors"
-- object   = "{subscription}"
-- value    = "errors"
-- critical = "change_errors > 0"
-- warning  = "change_conflicts > 0"
-- finding  = "the subscription {subscription} has new errors or conflicts; in total it has had {errors} errors and {conflicts} conflicts"
-- remedy   = "The log names the conflicting row: delete it here, or ALTER SUBSCRIPTION {subscription:ident} SKIP (lsn = ...) (15 and later)"
-- why      = "It tries the same change again and again without advancing, while its slot on the publisher keeps WAL."
-- source   = "pg_stat_subscription_stats (15 and later; conflicts from 18), between two samples"
-- ignore   = "Old errors: only new ones count."
-- proof    = "pgkit replication"
WITH subscriptions AS (
    SELECT b.subname, b.subenabled,
           b.subdisableonerr,  -- pg15..
           b.oid AS id  -- pg14..
           -- Up to 13 not every role may read a subscription's OID, but the view shows it; two databases may have subscriptions of the same name.  -- pg..13
           (SELECT pg_catalog.min(w.subid::int8) FROM pg_catalog.pg_stat_subscription w WHERE w.subname = b.subname HAVING pg_catalog.count(DISTINCT w.subid) = 1)::oid AS id  -- pg..13
    FROM pg_catalog.pg_subscription b
    WHERE b.subdbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
), workers AS (
    SELECT w.subname, pg_catalog.count(*) FILTER (WHERE w.relid IS NULL) AS applying
    FROM pg_catalog.pg_stat_subscription w
    JOIN pg_catalog.pg_stat_activity a ON a.pid = w.pid
    JOIN pg_catalog.pg_database d ON d.oid = a.datid AND d.datname = pg_catalog.current_database()
    GROUP BY w.subname
), tables AS (
    SELECT r.srsubid AS id, pg_catalog.count(*) AS number
    FROM pg_catalog.pg_subscription_rel r
    WHERE r.srsubstate <> 'r'
    GROUP BY r.srsubid
)
SELECT b.subname::text AS subscription,
       b.subenabled AS is_enabled,
       coalesce(pg_catalog.obj_description(b.id, 'pg_subscription'), '') <> '' AS is_documented,
       coalesce(w.applying, 0) > 0 AS has_worker,
       coalesce(t.number, 0) AS not_ready,
       s.apply_error_count + s.sync_error_count  -- pg15..
       NULL::int8  -- pg..14
       AS errors,
       s.confl_insert_exists + s.confl_update_origin_differs + s.confl_update_exists + s.confl_update_missing  -- pg18..
           + s.confl_delete_origin_differs + s.confl_delete_missing + s.confl_multiple_unique_conflicts  -- pg18..
       NULL::int8  -- pg..17
       AS conflicts,
       pg_catalog.round(extract(epoch FROM pg_catalog.clock_timestamp())::numeric, 3)::float8 AS sampled_s,
       CASE WHEN NOT b.subenabled THEN 'is disabled'
                || CASE WHEN b.subdisableonerr THEN ', by hand or because of an error (disable_on_error)' ELSE '' END  -- pg15..
            WHEN coalesce(w.applying, 0) = 0 THEN 'is enabled but has no worker: the worker fails as soon as it starts, or no worker is free'
            ELSE 'still has as many tables that are not copied as before' END AS what,
       CASE WHEN NOT b.subenabled THEN pg_catalog.format('ALTER SUBSCRIPTION %I ENABLE, after reading the log', b.subname)
            WHEN coalesce(w.applying, 0) = 0 THEN 'Check the server''s log, max_logical_replication_workers and max_worker_processes'
            ELSE 'Check the server''s log for the copy of those tables: pg_subscription_rel lists them' END AS remedy
FROM subscriptions b
LEFT JOIN workers w ON w.subname = b.subname
LEFT JOIN tables t ON t.id = b.id
LEFT JOIN pg_catalog.pg_stat_subscription_stats s ON s.subid = b.id  -- pg15..
ORDER BY b.subname::text COLLATE "C"
