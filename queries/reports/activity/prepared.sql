-- Prepared transactions of the whole cluster, the oldest first, with what they lock.
--
-- since   = 10
-- needs   = "no special privilege"
-- source  = "pg_prepared_xacts, pg_locks"
-- scope   = "server"
-- example = "pgkit prepared"
-- reading = "A prepared transaction that is older than minutes was forgotten: it keeps its locks and holds back VACUUM. End it with COMMIT PREPARED or ROLLBACK PREPARED in its database."
-- notes   = "A transaction manager ends its own prepared transactions within minutes. Prepared transactions survive a restart. Only the owner or a superuser can end one. pgkit locks shows who waits for it."
-- key     = ["gid"]
-- wide    = ["relations", "prepared", "locks"]
-- columns = ["gid text", "database text", "owner text", "prepared timestamptz", "age_s float8", "xmin_age int8", "locks int8", "relations text[]"]
-- [[check]]
-- name     = "prepared-transaction-old"
-- object   = "{gid}"
-- value    = "age_s"
-- database = "database"
-- critical = "age_s >= 1h"
-- warning  = "age_s >= 5min"
-- finding  = "the prepared transaction {gid} of {owner} in {database} has been waiting for {age_s} to be committed or rolled back; locks held: {locks}"
-- remedy   = "In its database: COMMIT PREPARED {gid:literal} if its coordinator has committed, otherwise ROLLBACK PREPARED {gid:literal}"
-- why      = "A prepared transaction that nobody ends keeps its locks forever, even across restarts, and holds back VACUUM in the whole database until the transaction IDs run out."
-- source   = "pg_prepared_xacts; check_postgres and check_pgactivity; the manual, PREPARE TRANSACTION"
-- ignore   = "A transaction manager ends its own within minutes: check first whether it should be committed with COMMIT PREPARED. If no transaction manager is used, max_prepared_transactions = 0 prevents such transactions."
-- proof    = "pgkit prepared"
WITH locks AS (
    -- Locks of prepared transactions only: these have no process.
    SELECT l.*
    FROM pg_catalog.pg_locks l
    WHERE l.pid IS NULL
), held AS (
    -- A lock does not tell the transaction but by a number that the transaction's lock on itself has too.
    SELECT own.transactionid::text AS transaction, l.locktype, l.database, l.relation
    FROM locks own
    JOIN locks l ON l.virtualtransaction = own.virtualtransaction
    WHERE own.locktype = 'transactionid'
), counted AS (
    SELECT h.transaction, pg_catalog.count(*) AS locks,
           -- Without indexes. The names of another database's relations are not known here.
           pg_catalog.array_agg(DISTINCT coalesce(c.oid::regclass::text, h.relation::text) COLLATE "C")
               FILTER (WHERE h.relation IS NOT NULL AND coalesce(c.relkind NOT IN ('i', 'I'), true)) AS relations
    FROM held h
    LEFT JOIN pg_catalog.pg_database d ON d.oid = h.database
    LEFT JOIN pg_catalog.pg_class c ON c.oid = h.relation AND (h.database = 0 OR d.datname = pg_catalog.current_database())
    GROUP BY h.transaction
)
SELECT p.gid,
       p.database::text AS database,
       p.owner::text AS owner,
       p.prepared,
       pg_catalog.round(extract(epoch FROM greatest(m.now, p.prepared) - p.prepared)::numeric, 3)::float8 AS age_s,
       pg_catalog.age(p.transaction)::int8 AS xmin_age,
       coalesce(c.locks, 0) AS locks,
       c.relations
FROM pg_catalog.pg_prepared_xacts p
LEFT JOIN counted c ON c.transaction = p.transaction::text
CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS now OFFSET 0) AS m
ORDER BY p.prepared, p.gid COLLATE "C"
