-- How close databases are to running out of transaction IDs and multixacts.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "server"
-- key     = ["kind", "database"]
-- columns = ["kind text", "database text", "age int8", "warn_age int8", "critical_age int8", "left int8", "used_pct float8", "state text", "oldest text", "remedy text"]
-- [[check]]
-- name     = "xid-wraparound"
-- only     = "kind = 'xid'"
-- object   = "{database}"
-- value    = "age"
-- database = "database"
-- critical = "age >= critical_age"
-- warning  = "age >= warn_age"
-- finding  = "{database} has used {age} transaction IDs since its oldest row was frozen; {left} are left before the server refuses writes{state}{oldest}"
-- remedy   = "{remedy}"
-- why      = "When they run out, the server refuses all writes in every database until the old tables are vacuumed. Autovacuum keeps the age far below the limit; if it did not, something is stopping it."
-- source   = "the manual, preventing transaction id wraparound; limits from autovacuum_freeze_max_age (80 to 110 % of it is normal)"
-- ignore   = "Nothing to ignore: templates and databases that allow no connections count too."
-- proof    = "pgkit vacuum"
-- [[check]]
-- name     = "multixact-wraparound"
-- only     = "kind = 'multixact'"
-- object   = "{database}"
-- value    = "age"
-- database = "database"
-- critical = "age >= critical_age"
-- warning  = "age >= warn_age"
-- finding  = "{database} has used {age} multixacts since its oldest one was frozen; {left} are left before the server refuses row locks{state}{oldest}"
-- remedy   = "{remedy}"
-- why      = "When they run out, rows can no longer be locked by two transactions at once, which includes foreign key checks, until the old tables are vacuumed."
-- source   = "the manual, multixacts and wraparound; limits from autovacuum_multixact_freeze_max_age"
-- ignore   = "Nothing to ignore: templates and databases that allow no connections count too."
-- proof    = "pgkit vacuum"
WITH ages AS (
    SELECT d.oid, d.datname, d.datallowconn, d.datconnlimit, v.kind, v.age::int8 AS age, v.freeze_max::int8 AS freeze_max,
           2147483648 - 3000000 AS stop  -- pg14..
           2147483648 - 1000000 AS stop  -- pg..13
    FROM pg_catalog.pg_database d
    CROSS JOIN LATERAL (
        VALUES ('xid', pg_catalog.age(d.datfrozenxid), pg_catalog.current_setting('autovacuum_freeze_max_age')),
               ('multixact', pg_catalog.mxid_age(d.datminmxid), pg_catalog.current_setting('autovacuum_multixact_freeze_max_age'))) AS v (kind, age, freeze_max)
), limits AS (
    SELECT a.*, c.critical_age,
           -- Autovacuum normally lets the age reach the limit, and slightly exceed it.
           greatest(least(a.freeze_max * 3 / 2, c.critical_age * 95 / 100), a.freeze_max) AS warn_age
    FROM ages a
    CROSS JOIN LATERAL (SELECT least(greatest(2147483648 * 60 / 100, a.freeze_max * 11 / 10), 2147483648 * 95 / 100) AS critical_age) AS c
), judged AS (
    SELECT l.*, l.datname = pg_catalog.current_database() AS is_here
    FROM limits l
    WHERE l.age >= l.warn_age
), tables AS (
    -- The oldest tables of each kind, including their TOAST tables. The names of tables of other databases are not known here.
    SELECT t.kind, pg_catalog.string_agg(pg_catalog.format('%s.%s', n.nspname, t.relname), ', ' ORDER BY t.place) AS named,
           pg_catalog.string_agg(pg_catalog.format('%I.%I', n.nspname, t.relname), ', ' ORDER BY t.place) AS idents,
           pg_catalog.bool_or(c.relpersistence = 't') AS of_session
    FROM (SELECT j.kind, c.oid, c.relname, c.relnamespace, pg_catalog.row_number() OVER (PARTITION BY j.kind ORDER BY a.age DESC, c.relpages DESC, c.oid) AS place
          FROM judged j
          CROSS JOIN pg_catalog.pg_class c
          LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
          CROSS JOIN LATERAL (
              SELECT CASE WHEN j.kind = 'xid' THEN greatest(pg_catalog.age(c.relfrozenxid), pg_catalog.age(t.relfrozenxid))
                          ELSE greatest(pg_catalog.mxid_age(c.relminmxid), pg_catalog.mxid_age(t.relminmxid)) END AS age) AS a
          WHERE j.is_here AND c.relkind IN ('r', 'm') AND c.relfrozenxid <> '0'::xid AND a.age >= j.age / 2) AS t
    JOIN pg_catalog.pg_class c ON c.oid = t.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    WHERE t.place <= 3
    GROUP BY t.kind
)
SELECT j.kind,
       j.datname::text AS database,
       j.age,
       j.warn_age,
       j.critical_age,
       greatest(j.stop - j.age, 0) AS "left",
       pg_catalog.round(100.0 * j.age / 2147483648, 1)::float8 AS used_pct,
       CASE WHEN j.datconnlimit = -2 THEN '; its DROP DATABASE was interrupted' WHEN NOT j.datallowconn THEN '; it allows no connections' ELSE '' END AS state,
       CASE WHEN t.named IS NOT NULL THEN '; oldest tables: ' || t.named ELSE '' END AS oldest,
       CASE
           WHEN j.datconnlimit = -2 THEN pg_catalog.format('DROP DATABASE %I', j.datname)
           WHEN NOT j.datallowconn THEN pg_catalog.format('Find out with pgkit vacuum what holds back VACUUM, then ALTER DATABASE %I ALLOW_CONNECTIONS true, VACUUM FREEZE in it, and ALLOW_CONNECTIONS false', j.datname)
           ELSE pg_catalog.concat('Find out with pgkit vacuum what holds back VACUUM and end that, then VACUUM (FREEZE, not FULL) ', coalesce(t.idents, pg_catalog.format('the oldest tables of %I', j.datname)))
       END AS remedy
FROM judged j
LEFT JOIN tables t ON t.kind = j.kind AND j.is_here
ORDER BY j.kind DESC, j.age DESC, j.datname::text COLLATE "C"
