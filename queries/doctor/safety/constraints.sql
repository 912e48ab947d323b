-- Constraints that were not checked against the rows that already existed.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "database"
-- key     = ["object"]
-- columns = ["object text", "kind text", "what text", "constraint text", "owner text", "is_deliberate bool", "remedy text", "schema text", "table text"]
-- [[check]]
-- name     = "constraints-not-validated"
-- object   = "{object}"
-- warning  = "kind in ('foreign key', 'check') and not is_deliberate"
-- note     = "kind <> ''"
-- finding  = "{what} {constraint} of {owner}"
-- remedy   = "{remedy}"
-- why      = "New rows satisfy the constraint, but older ones may violate it: a restore fails on them, and the planner does not rely on the constraint. VALIDATE CONSTRAINT allows reads and writes while it runs."
-- source   = "pg_constraint.convalidated; pghero and pg-index-health; the manual, ALTER TABLE VALIDATE CONSTRAINT"
-- ignore   = "Old rows that are known to violate the constraint and must stay."
WITH open AS (
    SELECT k.oid, k.conname, k.contype, k.conrelid, k.contypid, k.connamespace, k.coninhcount,
           k.conparentid AS parent,  -- pg11..
           0::oid AS parent,  -- pg..10
           NOT k.conenforced AS is_off  -- pg18..
           false AS is_off  -- pg..17
    FROM pg_catalog.pg_constraint k
    WHERE NOT k.convalidated AND k.contype IN ('f', 'c', 'n')
)
SELECT CASE WHEN c.oid IS NOT NULL THEN pg_catalog.format('%s.%s.%s', n.nspname, c.relname, o.conname) ELSE pg_catalog.format('%s.%s.%s', n.nspname, t.typname, o.conname) END AS object,
       CASE o.contype WHEN 'f' THEN 'foreign key' WHEN 'c' THEN 'check' ELSE 'not null' END AS kind,
       CASE WHEN o.is_off THEN 'nothing enforces' ELSE 'existing rows were not checked against' END
           || CASE o.contype WHEN 'f' THEN ' the foreign key' WHEN 'c' THEN ' the check constraint' ELSE ' the not-null constraint' END AS what,
       o.conname::text AS "constraint",
       CASE WHEN c.oid IS NOT NULL THEN pg_catalog.format('%s.%s', n.nspname, c.relname) ELSE pg_catalog.format('the domain %s.%s', n.nspname, t.typname) END AS owner,
       -- The server checks nothing on a foreign table: its owner is responsible for the rows.
       o.is_off OR c.relkind IS NOT DISTINCT FROM 'f' AS is_deliberate,
       CASE
           WHEN o.is_off AND o.contype = 'f' THEN pg_catalog.format('ALTER TABLE %I.%I ALTER CONSTRAINT %I ENFORCED', n.nspname, c.relname, o.conname)
           WHEN o.is_off THEN pg_catalog.format('ALTER TABLE %I.%I DROP CONSTRAINT %I, then ADD it again NOT VALID', n.nspname, c.relname, o.conname)
           WHEN c.oid IS NOT NULL THEN pg_catalog.format('ALTER %s %I.%I VALIDATE CONSTRAINT %I', CASE c.relkind WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, n.nspname, c.relname, o.conname)
           ELSE pg_catalog.format('ALTER DOMAIN %I.%I VALIDATE CONSTRAINT %I', n.nspname, t.typname, o.conname)
       END AS remedy,
       n.nspname::text AS schema,
       coalesce(c.relname, t.typname)::text AS "table"
FROM open o
LEFT JOIN pg_catalog.pg_class c ON c.oid = o.conrelid AND o.conrelid <> 0
LEFT JOIN pg_catalog.pg_type t ON t.oid = o.contypid AND o.contypid <> 0
JOIN pg_catalog.pg_namespace n ON n.oid = o.connamespace
WHERE n.nspname !~ '^pg_temp_'
  -- A constraint that a child inherits is reported for the parent, if it is not validated there either.
  AND NOT EXISTS (SELECT FROM open p WHERE p.oid = o.parent)
  AND NOT (o.coninhcount > 0 AND EXISTS (
      SELECT FROM pg_catalog.pg_inherits i
      JOIN open p ON p.conrelid = i.inhparent AND p.contype = o.contype AND (p.conname = o.conname OR o.contype = 'n')
      WHERE i.inhrelid = o.conrelid AND o.conrelid <> 0))
ORDER BY n.nspname::text COLLATE "C", coalesce(c.relname, t.typname)::text COLLATE "C", o.conname::text COLLATE "C"
