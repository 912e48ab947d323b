-- What each session does now, the longest at work first.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows what other roles' sessions do"
-- source  = "pg_stat_activity"
-- scope   = "server"
-- example = "pgkit activity --longer-than 5m"
-- reading = "statement_s is how long the statement has run, transaction_s how long the transaction is open. A session that is idle in a transaction for minutes keeps its locks and holds back VACUUM."
-- notes   = "If a wait begins with Lock:, pgkit locks shows for whom the session waits."
-- key     = ["pid"]
-- private = ["application", "client", "statement"]
-- wide    = ["client_port", "xmin_age", "query_id", "started", "leader", "state_since", "client", "application", "backend_type", "database", "user"]
-- usual   = { backend_type = "client backend" }
-- columns = ["pid int4", "database text", "user text", "application text", "client text", "state text", "wait text", "transaction_s float8", "statement_s float8", "statement text", "state_since timestamptz", "started timestamptz", "backend_type text", "leader int4", "query_id int8", "xmin_age int8", "client_port int4"]
-- [[param]]
-- name    = "state"
-- type    = "text[]"
-- metavar = "STATE"
-- one_of  = ["active", "idle", "idle in transaction", "idle in transaction (aborted)", "fastpath function call", "disabled", "starting"]
-- help    = "Show only sessions in this state"
-- [[param]]
-- name = "longer_than"
-- type = "interval"
-- help = "Show only sessions whose statement has run longer than this, or whose transaction, where they are idle in it, is older (if it failed: failed longer ago)"
-- [[param]]
-- name = "idle_in_transaction"
-- type = "bool"
-- help = "Show only sessions that are idle in a transaction, aborted or not (with --state: these too)"
-- [[param]]
-- name = "background"
-- type = "bool"
-- help = "Include the server's own processes, such as autovacuum, walsenders and the checkpointer"
-- [[param]]
-- name    = "user"
-- type    = "text"
-- metavar = "ROLE"
-- help    = "Show only this role's sessions"
-- [[param]]
-- name    = "database"
-- type    = "text"
-- metavar = "DATABASE"
-- help    = "Show only sessions of this database"
-- [[param]]
-- name    = "application"
-- type    = "text"
-- metavar = "NAME"
-- help    = "Show only sessions with this application name"
-- [[hidden]]
-- when = "EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.usesysid IS NOT NULL AND a.datid IS NOT NULL AND a.query = '<insufficient privilege>')"
-- says = "other roles' sessions are shown without client, state, times and statement; pg_read_all_stats shows them"
WITH sessions AS (
    SELECT a.pid, a.datname, a.usename, a.application_name, a.client_addr, a.client_port, a.backend_type,
           a.wait_event_type, a.wait_event, a.backend_start, a.xact_start, a.state_change, a.query, a.backend_xmin,
           a.leader_pid,  -- pg13..
           NULL::int4 AS leader_pid,  -- pg..12
           a.query_id,  -- pg14..
           NULL::int8 AS query_id,  -- pg..13
           a.state,
           CASE WHEN a.state IN ('active', 'fastpath function call') THEN a.query_start END AS statement_start,
           CASE
               -- Where details are hidden, the type is hidden too. What has a role and a database is a client, a walsender or
               -- a worker of a subscription; the latter two are listed for everybody.
               WHEN a.backend_type IS NULL THEN a.usesysid IS NOT NULL AND a.datid IS NOT NULL
                    AND a.pid NOT IN (SELECT r.pid FROM pg_catalog.pg_stat_replication r)
                    AND a.pid NOT IN (SELECT s.pid FROM pg_catalog.pg_stat_subscription s WHERE s.pid IS NOT NULL)
               ELSE a.backend_type IN ('client backend', 'parallel worker')
           END AS is_client
    FROM pg_catalog.pg_stat_activity a
    WHERE a.pid <> pg_catalog.pg_backend_pid()
), clock AS (
    SELECT pg_catalog.clock_timestamp() AS now OFFSET 0
), timed AS (
    -- Since when it has been busy: with its statement or, if it is idle in a transaction, with that. One that failed has no
    -- beginning any more, but has lasted at least since it failed.
    SELECT s.*, CASE WHEN s.state LIKE 'idle in transaction%' THEN coalesce(s.xact_start, s.state_change) ELSE s.statement_start END AS since
    FROM sessions s
)
SELECT t.pid,
       t.datname::text AS database,
       t.usename::text AS "user",
       nullif(t.application_name, '') AS application,
       CASE WHEN t.client_port = -1 THEN '[local]' ELSE pg_catalog.host(t.client_addr) END AS client,
       t.state,
       -- A session that is idle waits for its next statement, which is no waiting.
       CASE WHEN NOT (t.state LIKE 'idle%' AND t.wait_event_type = 'Client' AND t.wait_event = 'ClientRead') OR t.state IS NULL
            THEN t.wait_event_type || ':' || t.wait_event END AS wait,
       pg_catalog.round(extract(epoch FROM greatest(c.now, t.xact_start) - t.xact_start)::numeric, 3)::float8 AS transaction_s,
       pg_catalog.round(extract(epoch FROM greatest(c.now, t.statement_start) - t.statement_start)::numeric, 3)::float8 AS statement_s,
       CASE WHEN t.query <> '<insufficient privilege>'
            THEN nullif(pg_catalog.btrim(pg_catalog.regexp_replace(t.query, '\s+', ' ', 'g')), '') END AS statement,
       t.state_change AS state_since,
       t.backend_start AS started,
       t.backend_type,
       t.leader_pid AS leader,
       t.query_id,
       pg_catalog.age(t.backend_xmin)::int8 AS xmin_age,
       nullif(t.client_port, -1) AS client_port
FROM timed t
CROSS JOIN clock c
WHERE (t.is_client OR $4)
  AND CASE WHEN $1 IS NULL AND NOT $3 THEN true
           ELSE t.state = ANY ($1) OR ($3 AND t.state LIKE 'idle in transaction%') END
  AND ($2 IS NULL OR c.now - t.since > $2)
  AND ($5 IS NULL OR t.usename::text = $5)
  AND ($6 IS NULL OR t.datname::text = $6)
  AND ($7 IS NULL OR t.application_name = $7)
ORDER BY t.is_client DESC, t.since NULLS LAST, t.state_change NULLS LAST, t.pid
