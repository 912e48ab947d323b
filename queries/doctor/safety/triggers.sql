-- Triggers that are disabled: those of foreign keys and those of users.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "database"
-- key     = ["object", "kind"]
-- columns = ["object text", "kind text", "names text", "triggers int8", "place text", "remedy text", "schema text", "table text"]
-- [[check]]
-- name     = "referential-triggers-disabled"
-- object   = "{object}"
-- critical = "kind in ('foreign key', 'unique')"
-- warning  = "kind = 'trigger'"
-- note     = "kind in ('replica', 'always')"
-- finding  = "{names} {place}"
-- remedy   = "{remedy}"
-- why      = "A restore or a bulk load that was interrupted leaves triggers disabled. Rows that violate a foreign key get in, a user's trigger no longer does its work, and no error is reported."
-- source   = "pg_trigger.tgenabled; check_postgres disabled_triggers; the manual, ALTER TABLE DISABLE TRIGGER"
-- ignore   = "A trigger that is disabled on purpose for a while."
WITH RECURSIVE off AS (
    SELECT t.oid, t.tgrelid, t.tgname, t.tgconstraint, c.relispartition,
           CASE
               WHEN k.oid IS NULL THEN CASE t.tgenabled WHEN 'D' THEN 'trigger' WHEN 'R' THEN 'replica' ELSE 'always' END
               -- Of the triggers that the server creates itself, only those of constraints count: of foreign keys, and of deferrable unique constraints.
               WHEN t.tgenabled IN ('D', 'R') THEN CASE k.contype WHEN 'f' THEN 'foreign key' ELSE 'unique' END
               ELSE 'always'
           END AS kind,
           k.oid IS NOT NULL AS of_constraint, k.conname
    FROM pg_catalog.pg_trigger t
    JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_constraint k ON k.oid = t.tgconstraint AND t.tgisinternal AND k.contype IN ('f', 'u', 'p', 'x')
    WHERE t.tgenabled <> 'O'
      AND n.nspname !~ '^pg_temp_'
      AND NOT (k.oid IS NOT NULL AND t.tgenabled = 'A')
      -- Of the triggers that belong to no constraint, only the copies for partitions on 11 and 12 are internal.
), climbed (oid, top, is_partition) AS (
    -- A partitioned table is reported once, at its root.
    SELECT o.oid, o.tgrelid, o.relispartition FROM off o
-- include climbed
), rooted AS (
    SELECT o.*, c.top AS root
    FROM off o
    JOIN climbed c ON c.oid = o.oid AND NOT c.is_partition
), grouped AS (
    SELECT r.root, r.kind, r.of_constraint, CASE WHEN NOT r.of_constraint THEN r.tgname::text END AS name,
           pg_catalog.count(*) AS triggers,
           pg_catalog.count(DISTINCT r.tgrelid) AS tables,
           pg_catalog.min(r.tgrelid::int8) AS first,
           pg_catalog.bool_or(r.tgrelid = r.root) AS at_root,
           pg_catalog.string_agg(DISTINCT 'ENABLE TRIGGER ' || pg_catalog.quote_ident(r.tgname), ', ') AS enable,
           pg_catalog.count(DISTINCT r.conname) AS constraints,
           pg_catalog.array_to_string((pg_catalog.array_agg(DISTINCT r.conname::text COLLATE "C"))[1 : 3], ', ') AS first_constraints
    FROM rooted r
    GROUP BY r.root, r.kind, r.of_constraint, CASE WHEN NOT r.of_constraint THEN r.tgname::text END
), named AS (
    SELECT g.*, pg_catalog.format('%s.%s', n.nspname, c.relname) AS table_name, pg_catalog.format('%I.%I', n.nspname, c.relname) AS ident,
           n.nspname::text AS schema, c.relname::text AS "table", c.relkind
    FROM grouped g
    -- If only one partition has it, that partition is named.
    JOIN pg_catalog.pg_class c ON c.oid = CASE WHEN g.tables = 1 AND NOT g.at_root THEN g.first ELSE g.root::int8 END::oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
)
SELECT CASE WHEN n.of_constraint THEN n.table_name ELSE n.table_name || '.' || n.name END AS object,
       n.kind,
       CASE WHEN n.of_constraint
            THEN pg_catalog.concat(CASE n.kind WHEN 'foreign key' THEN 'the triggers of foreign key' WHEN 'unique' THEN 'the triggers of deferrable constraint' ELSE 'the triggers of constraint' END,
                                   CASE WHEN n.constraints > 1 THEN 's' END, ' ', n.first_constraints,
                                   CASE WHEN n.constraints > 3 THEN pg_catalog.format(' and %s more', n.constraints - 3) END)
            ELSE 'the trigger ' || n.name END AS names,
       n.triggers,
       pg_catalog.concat(CASE WHEN n.of_constraint OR n.tables > 1 THEN 'are ' ELSE 'is ' END,
                         CASE n.kind WHEN 'replica' THEN 'enabled only for replication' WHEN 'always' THEN 'always enabled, even for replication' ELSE 'disabled' END,
                         ' on ', n.table_name,
                         CASE WHEN n.tables > 1 THEN pg_catalog.format(' (%s tables of the partition tree)', n.tables) END) AS place,
       pg_catalog.concat(CASE n.relkind WHEN 'f' THEN 'ALTER FOREIGN TABLE ' ELSE 'ALTER TABLE ' END, n.ident, ' ',
                         -- ALL would enable triggers that were disabled on purpose, too.
                         CASE WHEN n.of_constraint AND n.tables > 1 THEN 'ENABLE TRIGGER ALL, if no other trigger there is disabled on purpose'
                              WHEN n.of_constraint THEN n.enable ELSE 'ENABLE TRIGGER ' || pg_catalog.quote_ident(n.name) END,
                         CASE WHEN n.kind = 'foreign key' THEN '; then look for rows without a parent' WHEN n.kind = 'unique' THEN '; then look for duplicates' END) AS remedy,
       n.schema,
       n."table"
FROM named n
ORDER BY n.schema COLLATE "C", n."table" COLLATE "C", n.kind, n.name COLLATE "C"
