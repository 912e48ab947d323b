-- Everything about a topic: names, columns, bodies, definitions and comments that hold a text.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- lock_timeout = "100ms"
-- retry   = ["55P03", "XX000"]
-- source  = "the catalogs behind psql's backslash commands"
-- example = "pgkit find oauth | grep -v archive"
-- columns = ["found_in text", "schema text", "name text", "kind text", "detail text"]
-- [[param]]
-- name       = "term"
-- type       = "text"
-- positional = true
-- help       = "The text to look for, in upper or lower case; without it, all relations and functions"
-- [[param]]
-- name = "regex"
-- type = "bool"
-- help = "TERM is a PostgreSQL regular expression"
-- [[param]]
-- name = "system"
-- type = "bool"
-- help = "System catalogs and functions too"
WITH term (re) AS (
    -- "***=" makes the rest a plain text; the operator ~* folds case for both.
    SELECT CASE WHEN $2 THEN $1 ELSE '***=' || $1 END
), namespaces AS (
    SELECT n.oid, n.nspname, n.nspowner
    FROM pg_catalog.pg_namespace n
    WHERE $3 OR (n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_toast' AND n.nspname !~ '^pg_temp_')
), relations AS (
    SELECT c.oid, c.relkind, c.relowner, c.reltype, n.nspname, c.relname,
           CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
                WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table'
                WHEN 'i' THEN 'index' WHEN 'I' THEN 'partitioned index' WHEN 'c' THEN 'composite type' END AS kind,
           c.relname::text COLLATE pg_catalog."default" ~* t.re AS by_name
    FROM pg_catalog.pg_class c
    JOIN namespaces n ON n.oid = c.relnamespace
    CROSS JOIN term t
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'i', 'I', 'c')
), columns AS (
    SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod
    FROM pg_catalog.pg_attribute a
    CROSS JOIN term t
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attname::text COLLATE pg_catalog."default" ~* t.re
), exclusive (oid) AS (
    -- Held or only wanted: what waits for an exclusive lock makes everybody behind it wait.
    SELECT l.relation
    FROM pg_catalog.pg_locks l
    WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
      AND l.database IN (0, (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))
    GROUP BY l.relation
), locked (oid) AS (
    SELECT e.oid FROM exclusive e
    UNION
    SELECT i.indrelid FROM exclusive e JOIN pg_catalog.pg_index i ON i.indexrelid = e.oid
    UNION
    SELECT i.indexrelid FROM exclusive e JOIN pg_catalog.pg_index i ON i.indrelid = e.oid
), blocked (classid, objid) AS (
    -- Whose definition reads a locked relation: writing it out would wait for that lock.
    SELECT DISTINCT d.classid, d.objid
    FROM pg_catalog.pg_depend d
    JOIN locked l ON l.oid = d.refobjid
    WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
), views AS (
    SELECT r.oid,
           l.oid IS NOT NULL OR b.objid IS NOT NULL AS is_locked,
           CASE WHEN l.oid IS NULL AND b.objid IS NULL AND pg_catalog.has_table_privilege(r.oid, 'SELECT') IS NOT NULL
                THEN pg_catalog.pg_get_viewdef(r.oid) END AS definition
    FROM relations r
    CROSS JOIN term t
    JOIN pg_catalog.pg_rewrite w ON w.ev_class = r.oid AND w.rulename = '_RETURN'
    LEFT JOIN locked l ON l.oid = r.oid
    LEFT JOIN blocked b ON b.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND b.objid = w.oid
    WHERE r.relkind IN ('v', 'm') AND t.re IS NOT NULL AND NOT r.by_name
), functions AS (
    SELECT p.oid, n.nspname, p.proname, p.proname::text COLLATE pg_catalog."default" ~* t.re AS by_name,
           CASE WHEN p.proisagg THEN 'aggregate'
                WHEN p.proiswindow THEN 'window'
                WHEN p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype THEN 'trigger'
                ELSE 'function' END AS kind,
           p.prosrc AS body,
           false AS is_locked
    FROM pg_catalog.pg_proc p
    JOIN namespaces n ON n.oid = p.pronamespace
    CROSS JOIN term t
    LEFT JOIN blocked b ON b.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND b.objid = p.oid
), found (found_in, schema, name, kind, detail, is_locked) AS (
    SELECT CASE WHEN r.relkind IN ('i', 'I') THEN 'index' WHEN r.relkind = 'c' THEN 'type' ELSE 'relation' END,
           r.nspname::text, r.relname::text, r.kind, NULL, false
    FROM relations r, term t
    WHERE r.by_name OR (t.re IS NULL AND r.relkind NOT IN ('i', 'I', 'c'))
    UNION ALL
    SELECT CASE WHEN f.by_name OR t.re IS NULL THEN 'function' ELSE 'function body' END,
           f.nspname::text,
           f.proname || '(' || pg_catalog.pg_get_function_identity_arguments(f.oid) || ')', f.kind,
           CASE WHEN f.by_name OR t.re IS NULL THEN pg_catalog.pg_get_function_result(f.oid) ELSE f.body END,
           NOT coalesce(f.by_name, true) AND f.is_locked
    FROM functions f, term t
    WHERE t.re IS NULL OR f.by_name OR f.is_locked OR f.body COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT 'column', r.nspname::text, r.relname || '.' || c.attname, r.kind, pg_catalog.format_type(c.atttypid, c.atttypmod), false
    FROM columns c
    JOIN relations r ON r.oid = c.attrelid
    WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
    UNION ALL
    SELECT 'column default', r.nspname::text, r.relname || '.' || x.attname, r.kind, x.definition, x.is_locked
    FROM (SELECT d.adrelid, a.attname, l.oid IS NOT NULL OR b.objid IS NOT NULL AS is_locked,
                 CASE WHEN l.oid IS NULL AND b.objid IS NULL AND pg_catalog.has_table_privilege(d.adrelid, 'SELECT') IS NOT NULL
                      THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END AS definition
          FROM pg_catalog.pg_attrdef d
          JOIN term t ON t.re IS NOT NULL
          JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
          LEFT JOIN locked l ON l.oid = d.adrelid
          LEFT JOIN blocked b ON b.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND b.objid = d.oid
          WHERE NOT a.attname::text COLLATE pg_catalog."default" ~* t.re) x
    JOIN relations r ON r.oid = x.adrelid
    CROSS JOIN term t
    WHERE x.is_locked OR x.definition COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT 'view definition', r.nspname::text, r.relname::text, r.kind, v.definition, v.is_locked
    FROM views v
    JOIN relations r ON r.oid = v.oid
    CROSS JOIN term t
    WHERE v.is_locked OR v.definition COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    -- Of an index, the columns are known without asking; only expressions and predicates must be written out.
    SELECT 'index definition', r.nspname::text, r.relname::text, r.kind, x.definition, x.is_locked
    FROM (SELECT i.indexrelid, i.indrelid, i.indkey::pg_catalog.int2[] AS indkey,
                 l.oid IS NOT NULL AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) AS is_locked,
                 CASE WHEN l.oid IS NULL AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
                           AND pg_catalog.has_table_privilege(i.indrelid, 'SELECT') IS NOT NULL
                      THEN pg_catalog.pg_get_indexdef(i.indexrelid) END AS definition
          FROM pg_catalog.pg_index i
          JOIN term t ON t.re IS NOT NULL
          LEFT JOIN locked l ON l.oid = i.indexrelid) x
    JOIN relations r ON r.oid = x.indexrelid AND NOT r.by_name
    CROSS JOIN term t
    WHERE x.is_locked
       OR x.definition COLLATE pg_catalog."default" ~* t.re
       OR EXISTS (SELECT FROM columns c WHERE c.attrelid = x.indrelid AND c.attnum = ANY (x.indkey))
    UNION ALL
    SELECT CASE WHEN x.by_name THEN 'constraint' ELSE 'constraint definition' END,
           r.nspname::text, r.relname || '.' || x.conname,
           CASE x.contype WHEN 'c' THEN 'check constraint' WHEN 'f' THEN 'foreign key' WHEN 'p' THEN 'primary key'
                WHEN 'u' THEN 'unique constraint' WHEN 'x' THEN 'exclusion constraint' WHEN 't' THEN 'constraint trigger' WHEN 'n' THEN 'not-null constraint' ELSE 'constraint' END,
           x.definition, x.is_locked
    FROM (SELECT c.conrelid, c.confrelid, c.conname, c.contype, c.conkey, c.confkey,
                 c.conname::text COLLATE pg_catalog."default" ~* t.re AS by_name,
                 (l.oid IS NOT NULL OR b.objid IS NOT NULL) AND c.contype IN ('c', 'x') AS is_locked,
                 CASE WHEN l.oid IS NULL AND b.objid IS NULL AND c.contype IN ('c', 'x')
                           AND pg_catalog.has_table_privilege(c.conrelid, 'SELECT') IS NOT NULL
                      THEN pg_catalog.pg_get_constraintdef(c.oid) END AS definition
          FROM pg_catalog.pg_constraint c
          JOIN term t ON t.re IS NOT NULL
          LEFT JOIN locked l ON l.oid = c.conrelid
          LEFT JOIN blocked b ON b.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND b.objid = c.oid
          -- The server names not-null constraints after their columns, which stand here already.
          WHERE c.conrelid <> 0 AND (c.contype <> 'n' OR c.conname !~ '_not_null[0-9]*$')) x
    JOIN relations r ON r.oid = x.conrelid
    LEFT JOIN relations f ON f.oid = x.confrelid
    CROSS JOIN term t
    WHERE x.by_name OR x.is_locked OR f.by_name
       OR x.definition COLLATE pg_catalog."default" ~* t.re
       OR (x.contype <> 'n' AND EXISTS (SELECT FROM columns c WHERE c.attrelid = x.conrelid AND c.attnum = ANY (x.conkey)))
       OR EXISTS (SELECT FROM columns c WHERE c.attrelid = x.confrelid AND c.attnum = ANY (x.confkey))
    UNION ALL
    SELECT CASE WHEN x.by_name THEN 'constraint' ELSE 'constraint definition' END,
           n.nspname::text, y.typname || '.' || x.conname, 'check constraint', x.definition, false
    FROM (SELECT c.contypid, c.conname, c.conname::text COLLATE pg_catalog."default" ~* t.re AS by_name,
                 pg_catalog.pg_get_constraintdef(c.oid) AS definition
          FROM pg_catalog.pg_constraint c
          JOIN term t ON t.re IS NOT NULL
          WHERE c.contypid <> 0) x
    JOIN pg_catalog.pg_type y ON y.oid = x.contypid
    JOIN namespaces n ON n.oid = y.typnamespace
    CROSS JOIN term t
    WHERE x.by_name OR x.definition COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT CASE WHEN x.by_name THEN 'trigger' ELSE 'trigger definition' END,
           r.nspname::text, r.relname || '.' || x.tgname, 'trigger', x.definition, x.is_locked
    FROM (SELECT g.tgrelid, g.tgname, g.tgname::text COLLATE pg_catalog."default" ~* t.re AS by_name, l.oid IS NOT NULL AS is_locked,
                 CASE WHEN l.oid IS NULL AND pg_catalog.has_table_privilege(g.tgrelid, 'SELECT') IS NOT NULL
                      THEN pg_catalog.pg_get_triggerdef(g.oid) END AS definition
          FROM pg_catalog.pg_trigger g
          JOIN term t ON t.re IS NOT NULL
          LEFT JOIN locked l ON l.oid = g.tgrelid
          WHERE NOT g.tgisinternal) x
    JOIN relations r ON r.oid = x.tgrelid
    CROSS JOIN term t
    WHERE x.by_name OR x.is_locked OR x.definition COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT CASE WHEN x.by_name THEN 'rule' ELSE 'rule definition' END,
           r.nspname::text, r.relname || '.' || x.rulename, 'rule', x.definition, x.is_locked
    FROM (SELECT w.ev_class, w.rulename, w.rulename::text COLLATE pg_catalog."default" ~* t.re AS by_name,
                 l.oid IS NOT NULL OR b.objid IS NOT NULL AS is_locked,
                 CASE WHEN l.oid IS NULL AND b.objid IS NULL AND pg_catalog.has_table_privilege(w.ev_class, 'SELECT') IS NOT NULL
                      THEN pg_catalog.pg_get_ruledef(w.oid) END AS definition
          FROM pg_catalog.pg_rewrite w
          JOIN term t ON t.re IS NOT NULL
          LEFT JOIN locked l ON l.oid = w.ev_class
          LEFT JOIN blocked b ON b.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND b.objid = w.oid
          WHERE w.rulename <> '_RETURN') x
    JOIN relations r ON r.oid = x.ev_class
    CROSS JOIN term t
    WHERE x.by_name OR x.is_locked OR x.definition COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT CASE WHEN x.by_name THEN 'policy' ELSE 'policy definition' END,
           r.nspname::text, r.relname || '.' || x.polname, 'policy', x.definition, x.is_locked
    FROM (SELECT p.polrelid, p.polname, p.polname::text COLLATE pg_catalog."default" ~* t.re AS by_name,
                 l.oid IS NOT NULL OR b.objid IS NOT NULL AS is_locked,
                 CASE WHEN l.oid IS NULL AND b.objid IS NULL AND pg_catalog.has_table_privilege(p.polrelid, 'SELECT') IS NOT NULL
                      THEN pg_catalog.concat_ws(' ', 'USING (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')',
                                                'WITH CHECK (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')') END AS definition
          FROM pg_catalog.pg_policy p
          JOIN term t ON t.re IS NOT NULL
          LEFT JOIN locked l ON l.oid = p.polrelid
          LEFT JOIN blocked b ON b.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND b.objid = p.oid) x
    JOIN relations r ON r.oid = x.polrelid
    CROSS JOIN term t
    WHERE x.by_name OR x.is_locked OR x.definition COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT CASE WHEN y.typname::text COLLATE pg_catalog."default" ~* t.re THEN 'type' ELSE 'type default' END, n.nspname::text, y.typname::text,
           CASE y.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' WHEN 'm' THEN 'multirange' ELSE 'base type' END,
           CASE WHEN y.typtype = 'd' THEN pg_catalog.format_type(y.typbasetype, y.typtypmod) || coalesce(' DEFAULT ' || y.typdefault, '') END, false
    FROM pg_catalog.pg_type y
    JOIN namespaces n ON n.oid = y.typnamespace
    CROSS JOIN term t
    WHERE y.typtype <> 'c'
      AND NOT (y.typtype = 'b' AND y.typelem <> 0 AND EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = y.oid))
      AND (y.typname::text COLLATE pg_catalog."default" ~* t.re OR y.typdefault COLLATE pg_catalog."default" ~* t.re)
    UNION ALL
    SELECT 'enum label', n.nspname::text, y.typname::text, 'enum', e.enumlabel::text, false
    FROM pg_catalog.pg_enum e
    JOIN pg_catalog.pg_type y ON y.oid = e.enumtypid
    JOIN namespaces n ON n.oid = y.typnamespace
    CROSS JOIN term t
    WHERE e.enumlabel::text COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT 'extension', n.nspname::text, e.extname::text, 'extension', e.extversion, false
    FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    CROSS JOIN term t
    WHERE e.extname::text COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT 'schema', n.nspname::text, n.nspname::text, 'schema', NULL, false
    FROM namespaces n, term t
    WHERE n.nspname::text COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT 'event trigger', NULL, e.evtname::text, 'event trigger', e.evtevent::text, false
    FROM pg_catalog.pg_event_trigger e, term t
    WHERE e.evtname::text COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT 'publication', NULL, p.pubname::text, 'publication', NULL, false
    FROM pg_catalog.pg_publication p, term t
    WHERE p.pubname::text COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT 'foreign server', NULL, s.srvname::text, 'foreign server', NULL, false
    FROM pg_catalog.pg_foreign_server s, term t
    WHERE s.srvname::text COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT 'comment', i.schema, coalesce(i.name, i.identity), i.type, c.description, false
    FROM (SELECT d.classoid, d.objoid, d.objsubid, d.description
          FROM pg_catalog.pg_description d, term t
          -- 16384 is the first OID that is not the system's own.
          WHERE ($3 OR d.objoid >= 16384) AND d.description COLLATE pg_catalog."default" ~* t.re
          UNION ALL
          SELECT d.classoid, d.objoid, 0, d.description
          FROM pg_catalog.pg_shdescription d, term t
          WHERE ($3 OR d.objoid >= 16384) AND d.description COLLATE pg_catalog."default" ~* t.re) c
    CROSS JOIN LATERAL (
        SELECT o.type, o.schema,
               -- The name bare, as in the other rows; where it has none of its own, what tells it from the rest.
               CASE WHEN c.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass THEN
                   (SELECT r.relname || coalesce('.' || a.attname, '')
                    FROM pg_catalog.pg_class r
                    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum = c.objsubid AND c.objsubid <> 0
                    WHERE r.oid = c.objoid)
                   WHEN c.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass THEN
                   (SELECT p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')' FROM pg_catalog.pg_proc p WHERE p.oid = c.objoid)
                   ELSE o.name END AS name,
               o.identity
        FROM pg_catalog.pg_identify_object(c.classoid, c.objoid, c.objsubid) o
    ) i
), shown AS (
    SELECT f.found_in, f.schema, f.name, f.kind,
           CASE
               WHEN f.is_locked THEN 'locked'
               -- Of a text of several lines, the first that holds the term.
               WHEN pg_catalog.strpos(f.detail, E'\n') > 0 THEN
                   (SELECT pg_catalog.btrim(l.line, E' \t\r')
                    FROM pg_catalog.unnest(pg_catalog.string_to_array(f.detail, E'\n')) WITH ORDINALITY AS l (line, n), term t
                    ORDER BY (l.line COLLATE pg_catalog."default" ~* t.re) DESC NULLS LAST, l.n
                    LIMIT 1)
               ELSE f.detail
           END AS detail
    FROM found f
)
SELECT s.found_in, s.schema, s.name, s.kind, s.detail
FROM shown s
ORDER BY s.schema COLLATE "C" NULLS LAST, s.name COLLATE "C", s.found_in COLLATE "C", s.kind COLLATE "C", s.detail COLLATE "C"
