-- Published tables without a replica identity, or with REPLICA IDENTITY FULL.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "database"
-- key     = ["object", "what"]
-- columns = ["object text", "publications text", "identity text", "changes int8", "what text", "remedy text"]
-- [[check]]
-- name     = "publication-without-identity"
-- object   = "{object}"
-- value    = "changes"
-- critical = "identity = 'none' and changes > 0"
-- warning  = "identity = 'none'"
-- note     = "identity = 'full'"
-- finding  = "{object}, published by {publications}, {what}"
-- remedy   = "{remedy}"
-- why      = "Without a replica identity every UPDATE and DELETE on the table fails as soon as it is published. REPLICA IDENTITY FULL works, but the subscriber may scan the whole table for each row."
-- source   = "CheckCmdReplicaIdentity in execReplication.c; the manual, ALTER TABLE REPLICA IDENTITY"
-- ignore   = "Tables whose rows are only inserted: publish them with publish = 'insert'."
-- proof    = "pgkit no-key"
WITH RECURSIVE publications AS (
    SELECT p.oid, p.pubname, p.puballtables
    FROM pg_catalog.pg_publication p
    WHERE p.pubupdate OR p.pubdelete
), identities AS (
    -- Tables that may lack a replica identity; keys are looked for below.
    SELECT c.oid, c.relname, c.relnamespace, c.relreplident, c.relispartition, c.relkind
    FROM pg_catalog.pg_class c
    WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.oid >= '16384'::oid
      AND EXISTS (SELECT FROM publications)
      AND (c.relreplident IN ('n', 'f')
           OR c.relreplident = 'd' AND c.oid NOT IN (SELECT i.indrelid FROM pg_catalog.pg_index i WHERE i.indisprimary AND i.indimmediate AND i.indislive)
           OR c.relreplident = 'i' AND c.oid NOT IN (SELECT i.indrelid FROM pg_catalog.pg_index i WHERE i.indisreplident AND i.indislive))
), climbed (oid, top, is_partition) AS (
    -- A partition is published if any table above it is.
    SELECT i.oid, i.oid, i.relispartition FROM identities i
-- include climbed
), published AS (
    SELECT DISTINCT c.oid, p.pubname
    FROM climbed c
    JOIN pg_catalog.pg_publication_rel r ON r.prrelid = c.top
    JOIN publications p ON p.oid = r.prpubid
    UNION
    SELECT i.oid, p.pubname
    FROM identities i
    JOIN publications p ON p.puballtables
    UNION  -- pg15..
    SELECT c.oid, p.pubname  -- pg15..
    FROM climbed c  -- pg15..
    JOIN pg_catalog.pg_class t ON t.oid = c.top  -- pg15..
    JOIN pg_catalog.pg_publication_namespace n ON n.pnnspid = t.relnamespace  -- pg15..
    JOIN publications p ON p.oid = n.pnpubid  -- pg15..
), rooted AS (
    SELECT c.top AS root, CASE i.relreplident WHEN 'f' THEN 'full' ELSE 'none' END AS identity, i.oid, i.relreplident, p.pubname,
           pg_catalog.pg_stat_get_tuples_updated(i.oid) + pg_catalog.pg_stat_get_tuples_deleted(i.oid) AS changes
    FROM published p
    JOIN identities i ON i.oid = p.oid
    JOIN climbed c ON c.oid = i.oid AND NOT c.is_partition
    JOIN pg_catalog.pg_namespace n ON n.oid = i.relnamespace
    -- The server leaves out information_schema too.
    WHERE n.nspname <> 'information_schema'
), summed AS (
    SELECT r.root, r.identity, pg_catalog.count(DISTINCT r.oid) AS tables, pg_catalog.min(r.oid::int8) AS first,
           pg_catalog.string_agg(DISTINCT r.pubname::text, ', ') AS publications,
           pg_catalog.min(r.relreplident::text) AS replident, pg_catalog.bool_and(EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = r.oid AND i.indisprimary)) AS deferrable, pg_catalog.sum(r.changes)::int8 AS changes
    FROM rooted r
    GROUP BY r.root, r.identity
), judged AS (
    SELECT pg_catalog.format('%s.%s', t.nspname, t.relname) AS object, t.nspname::text AS schema, t.relname::text AS name,
           s.publications,
           s.identity,
           s.changes,
           CASE WHEN s.identity = 'full' THEN 'has REPLICA IDENTITY FULL: each change sends the whole old row'
                ELSE 'has no replica identity (' || CASE s.replident WHEN 'n' THEN 'REPLICA IDENTITY NOTHING' WHEN 'i' THEN 'the index of its REPLICA IDENTITY was dropped' ELSE CASE WHEN s.deferrable THEN 'its primary key is deferrable' ELSE 'no primary key' END END || '), so UPDATE and DELETE fail' END
           || CASE WHEN s.tables > 1 THEN pg_catalog.format(' (%s partitions)', s.tables) ELSE '' END AS what,
           CASE WHEN s.identity = 'full' THEN pg_catalog.format('ALTER TABLE %I.%I REPLICA IDENTITY DEFAULT, once it has a primary key', t.nspname, t.relname)
                WHEN s.replident = 'n' THEN pg_catalog.format('ALTER TABLE %I.%I REPLICA IDENTITY DEFAULT, which needs a primary key', t.nspname, t.relname)
                ELSE pg_catalog.format('ALTER TABLE %I.%I ADD PRIMARY KEY (...), or REPLICA IDENTITY USING INDEX with a unique index on NOT NULL columns', t.nspname, t.relname) END AS remedy
    FROM summed s
    -- If only one partition lacks a replica identity, that partition is named.
    CROSS JOIN LATERAL (
        SELECT k.relname, n.nspname
        FROM pg_catalog.pg_class k
        JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace
        WHERE k.oid = CASE WHEN s.tables = 1 THEN s.first ELSE s.root::int8 END::oid
        OFFSET 0) AS t
    UNION ALL  -- pg15..
    -- Part of the replica identity is left out, or the rows are chosen by other columns.  -- pg15..
    SELECT pg_catalog.format('%s.%s', n.nspname, c.relname), n.nspname::text, c.relname::text, p.pubname::text, 'none',  -- pg15..
           pg_catalog.pg_stat_get_tuples_updated(c.oid) + pg_catalog.pg_stat_get_tuples_deleted(c.oid),  -- pg15..
           CASE WHEN x.lacks THEN pg_catalog.format('the column list of %s leaves out a part of its replica identity', p.pubname)  -- pg15..
                ELSE pg_catalog.format('the WHERE clause of %s uses columns outside its replica identity', p.pubname) END || ', so UPDATE and DELETE fail',  -- pg15..
           pg_catalog.format('ALTER PUBLICATION %I SET TABLE ... with the columns of the replica identity of %I.%I, or publish only inserts', p.pubname, n.nspname, c.relname)  -- pg15..
    FROM pg_catalog.pg_publication_rel r  -- pg15..
    JOIN publications p ON p.oid = r.prpubid  -- pg15..
    JOIN pg_catalog.pg_class c ON c.oid = r.prrelid AND c.relkind = 'r' AND c.relpersistence = 'p'  -- pg15..
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace  -- pg15..
    JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indimmediate AND i.indislive AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END  -- pg15..
    CROSS JOIN LATERAL (  -- pg15..
        SELECT r.prattrs IS NOT NULL AND EXISTS (SELECT FROM pg_catalog.unnest(i.indkey::int2[]) AS k (attnum) WHERE NOT k.attnum = ANY (r.prattrs::int2[])) AS lacks,  -- pg15..
               -- The columns of a list are dependencies, too, so the clause is judged only without one.  -- pg15..
               r.prqual IS NOT NULL AND r.prattrs IS NULL AND EXISTS (  -- pg15..
                   SELECT FROM pg_catalog.pg_depend d  -- pg15..
                   WHERE d.classid = 'pg_catalog.pg_publication_rel'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid  -- pg15..
                     AND d.refobjsubid > 0 AND NOT d.refobjsubid = ANY (i.indkey::int2[]::int4[])) AS filters  -- pg15..
    ) AS x  -- pg15..
    WHERE x.lacks OR x.filters  -- pg15..
)
SELECT j.object, j.publications, j.identity, j.changes, j.what, j.remedy
FROM judged j
ORDER BY j.schema COLLATE "C", j.name COLLATE "C", j.identity, j.what COLLATE "C"
