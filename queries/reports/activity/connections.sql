-- How many sessions there are, by database, user, application, client and state, and how near the limits are.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows what other roles' sessions do"
-- source  = "pg_stat_activity, pg_database, pg_roles"
-- scope   = "server"
-- example = "pgkit connections --scope server --scope user"
-- reading = "used_pct is the share of max_connections, without what is reserved, or of the database's or role's own limit. From 80 on, look for idle sessions: pgkit activity --idle-in-transaction."
-- notes   = "pgkit's own session is not counted."
-- key     = ["scope", "name"]
-- private = ["name where scope = application|client"]
-- wide    = ["reserved", "active", "idle"]
-- columns = ["scope text", "name text", "sessions int8", "active int8", "idle int8", "idle_in_transaction int8", "connection_limit int8", "used_pct float8", "reserved int8"]
-- [[check]]
-- name     = "connections-near-limit"
-- only     = "scope = 'server'"
-- object   = ""
-- value    = "used_pct"
-- critical = "used_pct >= 95"
-- warning  = "used_pct >= 80"
-- finding  = "{sessions} of {connection_limit} connections are in use, and {reserved} are reserved"
-- remedy   = "Use a connection pooler such as PgBouncer, and end idle sessions (pgkit connections --scope user); raising max_connections needs a restart"
-- why      = "When all connections are in use, the next client is refused: \"sorry, too many clients already\"."
-- source   = "max_connections without superuser_reserved_connections and, from 16, reserved_connections; walsenders count before 12; check_postgres, pgmonitor, temboard, cloudnative-pg"
-- ignore   = "A pooler that keeps them full on purpose: look at its queue instead."
-- proof    = "pgkit connections"
-- [[check]]
-- name     = "database-or-role-limit"
-- only     = "scope in ('database', 'user') and connection_limit is not null and connection_limit > 0"
-- object   = "{name}"
-- value    = "used_pct"
-- critical = "used_pct >= 95"
-- warning  = "used_pct >= 80"
-- finding  = "the {scope} {name} uses {sessions} of the {connection_limit} connections that it may have"
-- remedy   = "ALTER DATABASE or ROLE {name:ident} CONNECTION LIMIT with a higher number, or use fewer connections"
-- why      = "When its own limit is reached, the next client is refused, although the server has connections left."
-- source   = "pg_database.datconnlimit, pg_roles.rolconnlimit (not enforced for superusers)"
-- ignore   = "A limit that is meant to be reached."
-- proof    = "pgkit connections --scope database --scope user"
-- [[param]]
-- name    = "scope"
-- type    = "text[]"
-- metavar = "SCOPE"
-- one_of  = ["server", "database", "user", "application", "client", "state"]
-- help    = "Show only the counts by this"
-- [[hidden]]
-- when = "EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.usesysid IS NOT NULL AND a.datid IS NOT NULL AND a.query = '<insufficient privilege>')"
-- says = "other roles' sessions are counted without state and client, and with their parallel workers; pg_read_all_stats shows them"
WITH clients AS (
    -- What takes one of max_connections. Background workers never do.
    SELECT a.datname, a.usename, a.application_name, a.state,
           CASE WHEN a.client_port = -1 THEN '[local]' ELSE pg_catalog.host(a.client_addr) END AS client,
           -- The state is unknown where it is hidden, or where the session has track_activities off.
           a.query IS NOT DISTINCT FROM '<insufficient privilege>' OR a.state IS NOT DISTINCT FROM 'disabled' AS is_unknown
    FROM pg_catalog.pg_stat_activity a
    WHERE a.pid <> pg_catalog.pg_backend_pid()
      AND CASE
            -- Where details are hidden, the type is hidden too. What has a role and a database is a client, a walsender
            -- or a worker of a subscription; the latter two are listed for everybody.
            WHEN a.backend_type IS NULL THEN a.usesysid IS NOT NULL AND a.datid IS NOT NULL
                 AND a.pid NOT IN (SELECT r.pid FROM pg_catalog.pg_stat_replication r)  -- pg12..
                 AND a.pid NOT IN (SELECT s.pid FROM pg_catalog.pg_stat_subscription s WHERE s.pid IS NOT NULL)
                 OR a.pid IN (SELECT r.pid FROM pg_catalog.pg_stat_replication r)  -- pg..11
            ELSE a.backend_type IN ('client backend'
                                    , 'walsender'  -- pg..11
                                   )
          END
), counted AS (
    SELECT v.place, v.scope, v.name, 1 AS one, c.state, c.is_unknown, NULL::int8 AS connection_limit, NULL::int8 AS reserved
    FROM clients c
    CROSS JOIN LATERAL (
        VALUES (1, 'server', NULL), (2, 'database', c.datname::text), (3, 'user', c.usename::text),
               (4, 'application', nullif(c.application_name, '')), (5, 'client', c.client), (6, 'state', c.state)) AS v (place, scope, name)
    -- A walsender that streams all of the cluster has no database.
    WHERE NOT (v.scope = 'database' AND v.name IS NULL)
    UNION ALL
    SELECT 1, 'server', NULL, 0, NULL, false, pg_catalog.current_setting('max_connections')::int8,
           pg_catalog.current_setting('superuser_reserved_connections')::int8
           + pg_catalog.current_setting('reserved_connections')::int8  -- pg16..
    UNION ALL
    -- -1 is no limit, -2 a database whose DROP was interrupted.
    SELECT 2, 'database', d.datname::text, 0, NULL, false, d.datconnlimit::int8, NULL
    FROM pg_catalog.pg_database d
    WHERE d.datconnlimit >= 0
    UNION ALL
    -- A superuser's own limit is not enforced.
    SELECT 3, 'user', u.rolname::text, 0, NULL, false, u.rolconnlimit::int8, NULL
    FROM pg_catalog.pg_roles u
    WHERE u.rolconnlimit >= 0 AND NOT u.rolsuper
), summed AS (
    SELECT c.place, c.scope, c.name, pg_catalog.sum(c.one) AS sessions,
           pg_catalog.count(*) FILTER (WHERE c.state = 'active') AS active,
           pg_catalog.count(*) FILTER (WHERE c.state = 'idle') AS idle,
           pg_catalog.count(*) FILTER (WHERE c.state LIKE 'idle in transaction%') AS idle_in_transaction,
           pg_catalog.bool_or(c.is_unknown) AS is_unknown,
           pg_catalog.max(c.connection_limit) AS connection_limit,
           pg_catalog.max(c.reserved) AS reserved
    FROM counted c
    WHERE $1 IS NULL OR c.scope = ANY ($1)
    GROUP BY c.place, c.scope, c.name
)
SELECT s.scope,
       s.name,
       s.sessions,
       CASE WHEN NOT s.is_unknown THEN s.active END AS active,
       CASE WHEN NOT s.is_unknown THEN s.idle END AS idle,
       CASE WHEN NOT s.is_unknown THEN s.idle_in_transaction END AS idle_in_transaction,
       s.connection_limit,
       -- Superusers may take what is reserved.
       CASE WHEN s.sessions < s.connection_limit - coalesce(s.reserved, 0)
            THEN pg_catalog.round(100.0 * s.sessions / (s.connection_limit - coalesce(s.reserved, 0)), 1)
            WHEN s.connection_limit > 0 THEN 100 END::float8 AS used_pct,
       s.reserved
FROM summed s
ORDER BY s.place, s.sessions DESC, s.name COLLATE "C" NULLS LAST
