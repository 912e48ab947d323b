-- Foreign keys that duplicate another foreign key.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- key     = ["schema", "table", "name"]
-- columns = ["schema text", "table text", "name text", "kept text", "parent text"]
-- [[check]]
-- name     = "duplicate-foreign-key"
-- object   = "{schema}.{table}.{name}"
-- note     = "name is not null"
-- finding  = "the foreign key {name} of {schema}.{table} to {parent} is a duplicate of {kept}"
-- remedy   = "ALTER TABLE {schema:ident}.{table:ident} DROP CONSTRAINT {name:ident}"
-- why      = "Each row that is written is checked twice, and both constraints must be changed together."
-- source   = "pg_constraint: the same columns on both sides, and the same actions"
-- ignore   = "A foreign key that was created NOT VALID to replace the other one."
-- optional = "lint"
WITH keys AS (
    SELECT c.oid, c.conname, c.conrelid, c.confrelid, c.convalidated,
           -- Keys that differ in one of these do different work.
           pg_catalog.concat_ws(' ', c.confdeltype, c.confupdtype, c.confmatchtype, c.condeferrable, c.condeferred
                                , c.confdelsetcols  -- pg15..
                                , c.conenforced  -- pg18..
                               ) AS work,
           -- The order in which the columns are listed does not matter.
           (SELECT pg_catalog.string_agg(k.a::text || '-' || k.b::text, ' ' ORDER BY k.a, k.b) FROM ROWS FROM (pg_catalog.unnest(c.conkey), pg_catalog.unnest(c.confkey)) AS k (a, b)) AS columns
    FROM pg_catalog.pg_constraint c
    WHERE c.contype = 'f'
      AND c.conparentid = 0  -- pg11..
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.conrelid AND e.objsubid = 0
                                                           AND e.refclassid = 'pg_catalog.pg_extension'::regclass AND e.deptype = 'e')
), ranked AS (
    SELECT k.*, pg_catalog.first_value(k.conname) OVER w AS kept, pg_catalog.row_number() OVER w AS place
    FROM keys k
    WINDOW w AS (PARTITION BY k.conrelid, k.confrelid, k.columns, k.work ORDER BY k.convalidated DESC, k.oid)
)
SELECT n.nspname::text AS schema, t.relname::text AS "table", r.conname::text AS name, r.kept::text AS kept, m.nspname::text || '.' || p.relname::text AS parent
FROM ranked r
JOIN pg_catalog.pg_class t ON t.oid = r.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace AND n.nspname !~ '^pg_temp_'
JOIN pg_catalog.pg_class p ON p.oid = r.confrelid
JOIN pg_catalog.pg_namespace m ON m.oid = p.relnamespace
WHERE r.place > 1
ORDER BY n.nspname, t.relname, r.conname
