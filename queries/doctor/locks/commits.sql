-- Commits that wait for a synchronous standby.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows the state of standbys and what sessions wait for"
-- scope   = "server"
-- when    = "NOT pg_catalog.pg_is_in_recovery() AND pg_catalog.current_setting('synchronous_standby_names') <> ''"
-- key     = ["names"]
-- private = ["names"]
-- columns = ["names text", "asked int8", "connected int8", "waiting int8", "wait_s float8", "least_s float8", "most_s float8", "is_waited_for bool", "what text"]
-- [[check]]
-- name     = "commits-wait-for-standby"
-- object   = ""
-- value    = "waiting"
-- critical = ["wait_s > 10s", "waiting > 1 and least_s > 10s", "connected < asked and is_waited_for"]
-- warning  = ["connected < asked", "most_s > 10s"]
-- unseen   = ["connected is null", "waiting is null"]
-- unseen_because = "the state of standbys is visible only to members of pg_read_all_stats"
-- finding  = "the number of synchronous standbys is {connected}, and synchronous_standby_names requires {asked}{what}"
-- remedy   = "Bring the standby back, or ALTER SYSTEM SET synchronous_standby_names to the standbys that are connected; SELECT pg_reload_conf()"
-- why      = "Every commit waits until the standby confirms it, without a time limit. The application stands still although the server answers."
-- source   = "the manual, synchronous_standby_names; pg_stat_replication.sync_state, wait event SyncRep"
-- ignore   = "The few seconds during which a standby restarts."
-- proof    = "pgkit replication"
WITH setting AS (
    SELECT s.names,
           -- FIRST n (...), ANY n (...), n (...) or a plain list, which requires one standby.
           coalesce(substring(s.names FROM '(?i)^\s*(?:first\s+|any\s+)?(\d+)\s*\(')::int8, 1) AS asked
    FROM (SELECT pg_catalog.current_setting('synchronous_standby_names') AS names) AS s
), standbys AS (
    SELECT pg_catalog.count(*) FILTER (WHERE r.sync_state IN ('sync', 'quorum') AND r.state = 'streaming') AS connected,
           pg_catalog.count(*) FILTER (WHERE r.state IS NULL) AS hidden
    FROM pg_catalog.pg_stat_replication r
), commits AS (
    -- How long a statement has waited for the standby is known only for statements that do nothing but commit. If several
    -- statements have all run for so long, it is their commits that hang.
    SELECT pg_catalog.count(*) FILTER (WHERE a.wait_event = 'SyncRep') AS waiting,
           pg_catalog.max(extract(epoch FROM greatest(c.now, a.query_start) - a.query_start)) FILTER (WHERE a.wait_event = 'SyncRep' AND a.query ~* '^\s*(commit|end|prepare\s+transaction)\M') AS wait_s,
           pg_catalog.min(extract(epoch FROM greatest(c.now, a.query_start) - a.query_start)) FILTER (WHERE a.wait_event = 'SyncRep') AS least_s,
           pg_catalog.max(extract(epoch FROM greatest(c.now, a.query_start) - a.query_start)) FILTER (WHERE a.wait_event = 'SyncRep') AS most_s,
           pg_catalog.count(*) FILTER (WHERE a.query = '<insufficient privilege>' AND a.usesysid IS NOT NULL AND a.datid IS NOT NULL) AS hidden
    FROM pg_catalog.pg_stat_activity a
    CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS now OFFSET 0) AS c
)
SELECT s.names, s.asked,
       CASE WHEN b.hidden = 0 OR b.connected >= s.asked THEN b.connected WHEN b.connected + b.hidden < s.asked THEN b.connected + b.hidden END AS connected,
       CASE WHEN c.hidden = 0 OR c.waiting > 0 THEN c.waiting END AS waiting,
       pg_catalog.round(coalesce(c.wait_s, 0)::numeric, 3)::float8 AS wait_s,
       pg_catalog.round(coalesce(c.least_s, 0)::numeric, 3)::float8 AS least_s,
       pg_catalog.round(coalesce(c.most_s, 0)::numeric, 3)::float8 AS most_s,
       -- A value of this role or this database says nothing about others.
       w.setting NOT IN ('off', 'local') OR w.source NOT IN ('default', 'configuration file', 'command line', 'environment variable') AS is_waited_for,
       CASE WHEN c.waiting > 0 THEN pg_catalog.format(CASE WHEN c.waiting = 1 THEN '; %s session is waiting in its commit' ELSE '; %s sessions are waiting in their commits' END, c.waiting) ELSE '' END AS what
FROM setting s
CROSS JOIN standbys b
CROSS JOIN commits c
CROSS JOIN (SELECT x.setting, x.source FROM pg_catalog.pg_settings x WHERE x.name = 'synchronous_commit') AS w
ORDER BY s.names COLLATE "C"
