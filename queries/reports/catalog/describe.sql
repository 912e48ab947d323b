-- All about one relation or function: columns, keys, sizes, use, privileges, and what depends on it.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- lock_timeout = "100ms"
-- retry   = ["55P03", "XX000"]
-- source  = '''psql \d+ and \df+, and the catalogs behind them'''
-- example = "pgkit describe crashes"
-- reading = "One fact per line under its section. If several objects match, they are listed: name one by its schema, or a function by its arguments in double quotes."
-- notes   = "Where another session holds an exclusive lock, the report does not wait: it shows (locked) instead."
-- key     = ["section", "name"]
-- sections = { heading = "section", level = "level" }
-- columns = ["section text", "name text", "detail text", "size_bytes int8", "level int8"]
-- [[param]]
-- name       = "name"
-- type       = "pattern[]"
-- positional = true
-- required   = true
-- metavar    = "NAME"
-- complete   = "relations"
-- help       = "The relation or function, as in psql: name or schema.name; for one of several functions: '\"f(integer)\"'"
-- [[param]]
-- name    = "kind"
-- type    = "text"
-- metavar = "KIND"
-- one_of  = ["table", "partitioned table", "view", "materialized view", "sequence", "foreign table", "index", "partitioned index", "composite type", "function", "procedure", "aggregate", "window", "trigger"]
-- help    = "Only objects of this kind, if several have the name"
-- [[param]]
-- name = "system"
-- type = "bool"
-- help = "Include system catalogs and functions"
-- include patterns
-- include namespaces
), named (name) AS (
    SELECT pg_catalog.substring(p.name_regex, '^\^\(([a-z0-9_]{1,63})\)\$$')::name FROM patterns p
), plain (names) AS (
    -- Plain names are looked up by index, without reading all of pg_class and pg_proc. NULL if any pattern is not a plain name.
    SELECT CASE WHEN NOT EXISTS (SELECT FROM named n WHERE n.name IS NULL) THEN ARRAY(SELECT n.name FROM named n) END
), candidates (classid, oid) AS (
    SELECT 'pg_catalog.pg_class'::regclass::oid, c.oid FROM pg_catalog.pg_class c WHERE c.relname = ANY ((SELECT l.names FROM plain l)::name[])
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass::oid, c.oid FROM pg_catalog.pg_class c WHERE (SELECT l.names IS NULL FROM plain l)
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::regclass::oid, f.oid FROM pg_catalog.pg_proc f WHERE f.proname = ANY ((SELECT l.names FROM plain l)::name[])
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::regclass::oid, f.oid FROM pg_catalog.pg_proc f WHERE (SELECT l.names IS NULL FROM plain l)
), objects AS (
    SELECT 'pg_catalog.pg_class'::regclass::oid AS classid, c.oid, n.nspname, c.relname AS name, c.relname::text AS title, NULL::text AS types,
           CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
                WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table'
                WHEN 'i' THEN 'index' WHEN 'I' THEN 'partitioned index' WHEN 'c' THEN 'composite type'
                ELSE 'TOAST table' END AS kind,
           c.relowner AS owner, n.of_users
    FROM candidates x
    JOIN pg_catalog.pg_class c ON c.oid = x.oid AND x.classid = 'pg_catalog.pg_class'::regclass
    JOIN namespaces n ON n.oid = c.relnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::regclass::oid, f.oid, n.nspname, f.proname,
           f.proname::text || '(' || pg_catalog.pg_get_function_identity_arguments(f.oid) || ')', f.proname::text || '(' || pg_catalog.oidvectortypes(f.proargtypes) || ')',
           CASE f.prokind WHEN 'a' THEN 'aggregate' WHEN 'w' THEN 'window' WHEN 'p' THEN 'procedure' -- pg11..
           CASE WHEN f.proisagg THEN 'aggregate' WHEN f.proiswindow THEN 'window' -- pg..10
                ELSE CASE WHEN f.prorettype = 'pg_catalog.trigger'::regtype THEN 'trigger' ELSE 'function' END END,
           f.proowner, n.of_users
    FROM candidates x
    JOIN pg_catalog.pg_proc f ON f.oid = x.oid AND x.classid = 'pg_catalog.pg_proc'::regclass
    JOIN namespaces n ON n.oid = f.pronamespace
    WHERE EXISTS (
        SELECT FROM patterns p
        WHERE f.proname ~ (p.name_regex COLLATE "default") OR p.name_regex LIKE '%\\(%')
), targets AS ( -- pg..11
), targets AS MATERIALIZED ( -- pg12..
    SELECT o.*
    FROM objects o
    WHERE ($3 IS NULL OR o.kind = $3)
      AND EXISTS (
        SELECT FROM patterns p
        WHERE (o.nspname ~ (p.schema_regex COLLATE "default") OR (p.schema_regex IS NULL AND (o.of_users OR $4)))
          AND (o.name ~ (p.name_regex COLLATE "default") OR o.title ~ (p.name_regex COLLATE "default") OR o.types ~ (p.name_regex COLLATE "default")))
), one AS (
    -- The object that is described: the only one that matches.
    SELECT t.* FROM targets t WHERE (SELECT pg_catalog.count(*) FROM targets) = 1
), rel AS (
    SELECT c.oid, c.*, o.kind, -- pg..11
    SELECT c.*, o.kind, -- pg12..
           pg_catalog.quote_ident(o.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS full_name
    FROM one o
    JOIN pg_catalog.pg_class c ON c.oid = o.oid
    WHERE o.classid = 'pg_catalog.pg_class'::regclass
), func AS (
    SELECT f.oid, f.*, o.kind -- pg..11
    SELECT f.*, o.kind -- pg12..
    FROM one o
    JOIN pg_catalog.pg_proc f ON f.oid = o.oid
    WHERE o.classid = 'pg_catalog.pg_proc'::regclass
), locked (oid) AS ( -- pg..11
), locked (oid) AS MATERIALIZED ( -- pg12..
-- include exclusive
), held AS (
    -- Whose size would wait for a lock on an index or on the TOAST table. What is unlogged has no contents on a standby.
    SELECT r.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery() AS is_lost,
           r.oid IN (SELECT l.oid FROM locked l) AS main,
           r.reltoastrelid IN (SELECT l.oid FROM locked l) OR EXISTS (SELECT FROM pg_catalog.pg_index i JOIN locked l ON l.oid = i.indexrelid WHERE i.indrelid = r.reltoastrelid) AS toast,
           EXISTS (SELECT FROM pg_catalog.pg_index i JOIN locked l ON l.oid = i.indexrelid WHERE i.indrelid = r.oid) AS indexes
    FROM rel r
), counting AS (
    -- Where the server does not count, 0 is not a count.
    SELECT s.counts AS reads, s.counts AND NOT pg_catalog.pg_is_in_recovery() AS writes
    FROM (SELECT pg_catalog.current_setting('track_counts')::bool AS counts OFFSET 0) AS s
), family (oid, parent, is_leaving, level, path) AS (
    -- The partitions and heirs below the relation.
    SELECT r.oid, NULL::oid, false, 0, ARRAY[r.relname::text] FROM rel r
    UNION ALL
    SELECT c.oid, i.inhparent,
           i.inhdetachpending, -- pg14..
           false, -- pg..13
           f.level + 1, pg_catalog.array_append(f.path, n.nspname::text || '.' || c.relname::text)
    FROM family f
    JOIN pg_catalog.pg_inherits i ON i.inhparent = f.oid
    JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE f.level < 20
), facts (pos, place, section, name, detail, size_bytes, level) AS (
    -- As it can be given again.
    SELECT 0, 0, 'match', pg_catalog.quote_ident(t.nspname) || '.' || CASE WHEN t.classid = 'pg_catalog.pg_class'::regclass
               THEN pg_catalog.quote_ident(t.title) ELSE '"' || pg_catalog.replace(t.title, '"', '""') || '"' END,
           t.kind, NULL::int8, 0
    FROM targets t
    WHERE (SELECT pg_catalog.count(*) FROM targets) > 1
    -- The object itself.
    UNION ALL
    SELECT 1, x.place, 'relation', x.name, x.detail, NULL, 0
    FROM rel r
    CROSS JOIN held h
    LEFT JOIN pg_catalog.pg_am m ON m.oid = r.relam
    LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = r.reltablespace
    LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = r.oid AND r.relispartition
    LEFT JOIN pg_catalog.pg_foreign_table ft ON ft.ftrelid = r.oid
    LEFT JOIN pg_catalog.pg_foreign_server fs ON fs.oid = ft.ftserver
    LEFT JOIN pg_catalog.pg_index ix ON ix.indexrelid = r.oid
    LEFT JOIN pg_catalog.pg_class t ON t.oid = r.reltoastrelid
    CROSS JOIN LATERAL (VALUES
        (0, 'name', r.full_name),
        (1, 'kind', r.kind),
        (2, 'owner', pg_catalog.pg_get_userbyid(r.relowner)::text),
        (3, 'comment', CASE WHEN r.relkind = 'c' THEN pg_catalog.obj_description(r.reltype, 'pg_type') ELSE pg_catalog.obj_description(r.oid, 'pg_class') END),
        (4, 'persistence', CASE r.relpersistence WHEN 'u' THEN 'unlogged' || CASE WHEN h.is_lost THEN ': empty on a standby' ELSE '' END WHEN 't' THEN 'temporary' END),
        (5, 'access method', CASE WHEN m.amname <> 'heap' THEN m.amname::text END),
        (6, 'tablespace', s.spcname::text),
        (7, 'partition key', CASE WHEN r.relkind = 'p' THEN CASE WHEN pg_catalog.has_table_privilege(r.oid, 'select') IS NULL THEN NULL WHEN r.oid IN (SELECT l.oid FROM locked l) THEN '(locked)' ELSE pg_catalog.pg_get_partkeydef(r.oid) END END),
        (8, 'partition of', CASE WHEN r.relispartition THEN i.inhparent::regclass::text || ' '
                                 || CASE WHEN pg_catalog.has_table_privilege(r.oid, 'select') IS NULL THEN NULL WHEN r.oid IN (SELECT l.oid FROM locked l) THEN '(locked)' ELSE coalesce(pg_catalog.pg_get_expr(r.relpartbound, r.oid), '') END
                                 || CASE WHEN i.inhdetachpending THEN ', detach pending' ELSE '' END -- pg14..
                            END),
        (9, 'inherits', (SELECT pg_catalog.string_agg(h.inhparent::regclass::text, ', ' ORDER BY h.inhseqno) FROM pg_catalog.pg_inherits h
                         WHERE h.inhrelid = r.oid AND NOT r.relispartition)),
        (10, 'of type', CASE WHEN r.reloftype <> 0 THEN pg_catalog.format_type(r.reloftype, NULL) END),
        (11, 'options', pg_catalog.array_to_string(r.reloptions, ', ')),
        (12, 'TOAST options', pg_catalog.array_to_string(t.reloptions, ', ')),
        (13, 'row security', CASE WHEN r.relrowsecurity THEN CASE WHEN r.relforcerowsecurity THEN 'on, for its owner too' ELSE 'on, but not for its owner' END
                                  WHEN EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = r.oid) THEN 'off: its policies have no effect' END),
        (14, 'replica identity', CASE r.relreplident WHEN 'n' THEN CASE WHEN r.relkind IN ('r', 'p') AND r.relnamespace <> 'pg_catalog'::regnamespace THEN 'nothing' END
                                      WHEN 'f' THEN 'full' WHEN 'i' THEN 'index' END),
        (15, 'populated', CASE WHEN r.relkind = 'm' AND NOT r.relispopulated THEN 'no: a query of it fails until REFRESH' END),
        (16, 'server', fs.srvname::text),
        (17, 'foreign options', pg_catalog.array_to_string(ft.ftoptions, ', ')),
        (18, 'index of', ix.indrelid::regclass::text || CASE WHEN ix.indisprimary THEN ', primary key' WHEN ix.indisexclusion THEN ', exclusion' WHEN ix.indisunique THEN ', unique' ELSE '' END),
        (19, 'definition', CASE WHEN ix.indexrelid IS NULL THEN NULL WHEN pg_catalog.has_table_privilege(r.oid, 'select') IS NULL THEN NULL WHEN ix.indrelid IN (SELECT l.oid FROM locked l) OR r.oid IN (SELECT l.oid FROM locked l)
                                THEN '(locked)' ELSE pg_catalog.pg_get_indexdef(r.oid) END),
        (20, 'state', CASE WHEN NOT ix.indisvalid THEN 'invalid: not used by queries' END),
        (21, 'extension', (SELECT e.extname::text FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
                           WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'e'
                             AND d.refclassid = 'pg_catalog.pg_extension'::regclass LIMIT 1))) AS x (place, name, detail)
    WHERE x.detail <> ''
    -- A sequence.
    UNION ALL
    SELECT 2, x.place, 'sequence', x.name, x.detail, NULL, 0
    FROM rel r
    JOIN pg_catalog.pg_sequence q ON q.seqrelid = r.oid
    CROSS JOIN held h
    CROSS JOIN LATERAL (VALUES
        (0, 'type', pg_catalog.format_type(q.seqtypid, NULL)),
        -- Reading a value takes a lock that waits behind these.
        (1, 'last value', CASE WHEN h.is_lost OR pg_catalog.has_sequence_privilege(r.oid, 'SELECT, USAGE') IS NOT true THEN NULL
                               WHEN EXISTS (SELECT FROM pg_catalog.pg_locks l
                                            WHERE l.locktype = 'relation' AND l.relation = r.oid AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
                                              AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())) THEN '(locked)'
                               ELSE coalesce(pg_catalog.pg_sequence_last_value(r.oid::regclass)::text,
                                             'none: the next is ' || (SELECT v.last_value FROM pg_catalog.pg_get_sequence_data(r.oid::regclass) AS v)::text, -- pg18..
                                             'none: not called since it was made or set') END),
        (2, 'start', q.seqstart::text),
        (3, 'increment', q.seqincrement::text),
        (4, 'minimum', q.seqmin::text),
        (5, 'maximum', q.seqmax::text),
        (6, 'cache', nullif(q.seqcache, 1)::text),
        (7, 'cycle', CASE WHEN q.seqcycle THEN 'yes: it begins anew at the end' END),
        (8, 'owned by', (SELECT d.refobjid::regclass::text || '.' || pg_catalog.quote_ident(a.attname)
                         FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                         WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid AND d.deptype IN ('a', 'i')
                           AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0 LIMIT 1))) AS x (place, name, detail)
    WHERE x.detail <> ''
    -- Columns.
    UNION ALL
    SELECT 3, a.attnum, 'column', a.attname::text,
           pg_catalog.concat_ws(', ',
               pg_catalog.format_type(a.atttypid, a.atttypmod),
               CASE WHEN a.attcollation <> 0 AND a.attcollation <> y.typcollation THEN 'collate ' || a.attcollation::regcollation::text END, -- pg13..
               CASE WHEN a.attcollation <> 0 AND a.attcollation <> y.typcollation THEN 'collate ' || (SELECT CASE WHEN co.collnamespace = 'pg_catalog'::regnamespace THEN '' ELSE co.collnamespace::regnamespace::text || '.' END || pg_catalog.quote_ident(co.collname) FROM pg_catalog.pg_collation co WHERE co.oid = a.attcollation) END, -- pg..12
               CASE WHEN a.attnotnull THEN 'not null'
                    || CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_constraint v WHERE v.conrelid = r.oid AND v.contype = 'n' AND v.conkey[1] = a.attnum AND NOT v.convalidated) THEN ' (not valid: rows from before may be null)' ELSE '' END -- pg18..
                    END,
               CASE a.attidentity WHEN 'a' THEN 'generated always as identity' WHEN 'd' THEN 'generated by default as identity' END,
               CASE WHEN d.oid IS NULL THEN NULL WHEN pg_catalog.has_table_privilege(r.oid, 'select') IS NULL THEN NULL WHEN r.oid IN (SELECT l.oid FROM locked l) THEN 'default (locked)'
                    WHEN a.attgenerated = 's' THEN 'generated always as (' || pg_catalog.pg_get_expr(d.adbin, d.adrelid) || ') stored' -- pg12..
                    WHEN a.attgenerated = 'v' THEN 'generated always as (' || pg_catalog.pg_get_expr(d.adbin, d.adrelid) || ') virtual' -- pg12..
                    ELSE 'default ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
               CASE WHEN a.attstorage <> y.typstorage THEN 'storage ' || CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END END,
               CASE a.attcompression WHEN 'p' THEN 'compression pglz' WHEN 'l' THEN 'compression lz4' END, -- pg14..
               CASE WHEN a.attstattarget >= 0 THEN 'statistics ' || a.attstattarget::text END,
               'options (' || pg_catalog.array_to_string(a.attoptions, ', ') || ')',
               'foreign options (' || pg_catalog.array_to_string(a.attfdwoptions, ', ') || ')',
               CASE WHEN r.relkind = 'i' OR r.relkind = 'I' THEN NULL ELSE '-- ' || pg_catalog.replace(pg_catalog.col_description(r.oid, a.attnum), E'\n', ' ') END),
           NULL, 0
    FROM rel r
    JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE r.relkind <> 'S'
    -- Indexes, each with its size and use.
    UNION ALL
    SELECT 4, CASE WHEN i.indisprimary THEN 0 WHEN i.indisunique THEN 1 ELSE 2 END, 'index', c.relname::text,
           pg_catalog.concat_ws(', ',
               CASE WHEN i.indisprimary THEN 'primary key' WHEN i.indisexclusion THEN 'exclusion' WHEN i.indisunique THEN 'unique' END,
               CASE WHEN pg_catalog.has_table_privilege(r.oid, 'select') IS NULL THEN NULL WHEN pg_catalog.has_table_privilege(c.oid, 'select') IS NULL THEN NULL WHEN r.oid IN (SELECT l.oid FROM locked l) OR c.oid IN (SELECT l.oid FROM locked l) THEN '(locked)'
                    -- Without CREATE INDEX name ON table USING, which may hold anything.
                    ELSE pg_catalog.substr(pg_catalog.pg_get_indexdef(c.oid), pg_catalog.length(
                        'CREATE ' || CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END || 'INDEX ' || pg_catalog.quote_ident(c.relname) || ' ON '
                        || CASE WHEN c.relkind = 'I' THEN 'ONLY ' ELSE '' END || r.full_name || ' USING ') + 1) END,
               CASE WHEN NOT i.indisvalid THEN 'invalid' END,
               CASE WHEN i.indisclustered THEN 'clustered' END,
               CASE WHEN i.indisreplident THEN 'replica identity' END,
               CASE WHEN c.relkind = 'i' AND (x.reads OR pg_catalog.pg_stat_get_numscans(c.oid) > 0) THEN 'scans ' || pg_catalog.pg_stat_get_numscans(c.oid)::text END),
           CASE WHEN c.relkind = 'i' AND NOT h.is_lost AND c.oid NOT IN (SELECT l.oid FROM locked l) AND r.oid NOT IN (SELECT l.oid FROM locked l) THEN pg_catalog.pg_relation_size(c.oid) END, 0
    FROM rel r
    JOIN pg_catalog.pg_index i ON i.indrelid = r.oid
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    CROSS JOIN counting x
    CROSS JOIN held h
    -- Constraints; keys are among the indexes, and NOT NULL stands at the columns.
    UNION ALL
    SELECT 5, CASE k.contype WHEN 'f' THEN 1 ELSE 0 END, 'constraint', k.conname::text,
           CASE WHEN pg_catalog.has_table_privilege(r.oid, 'select') IS NULL THEN NULL WHEN r.oid IN (SELECT l.oid FROM locked l) THEN '(locked)' ELSE pg_catalog.pg_get_constraintdef(k.oid) END, NULL, 0
    FROM rel r
    JOIN pg_catalog.pg_constraint k ON k.conrelid = r.oid
    WHERE k.contype NOT IN ('p', 'n', 't')
       -- What neither the index nor the column says.
       OR (k.contype = 'p' AND k.condeferrable)
       OR (k.contype = 'p' AND k.conperiod) -- pg18..
       OR (k.contype = 'n' AND (k.connoinherit OR NOT k.convalidated)) -- pg18..
    UNION ALL
    SELECT 6, 0, 'referenced by', k.conrelid::regclass::text || '.' || pg_catalog.quote_ident(k.conname),
           CASE WHEN pg_catalog.has_table_privilege(r.oid, 'select') IS NULL THEN NULL WHEN r.oid IN (SELECT l.oid FROM locked l) OR k.conrelid IN (SELECT l.oid FROM locked l)
                THEN '(locked)' ELSE pg_catalog.pg_get_constraintdef(k.oid) END, NULL, 0
    FROM rel r
    JOIN pg_catalog.pg_constraint k ON k.confrelid = r.oid AND k.contype = 'f'
    WHERE k.conparentid = 0 -- pg11..
    -- Triggers, policies, rules.
    UNION ALL
    SELECT 7, 0, 'trigger', t.tgname::text,
           CASE t.tgenabled WHEN 'D' THEN 'disabled: ' WHEN 'R' THEN 'replica: ' WHEN 'A' THEN 'always: ' ELSE '' END
           || CASE WHEN pg_catalog.has_table_privilege(r.oid, 'select') IS NULL THEN NULL WHEN r.oid IN (SELECT l.oid FROM locked l) THEN '(locked)' ELSE pg_catalog.pg_get_triggerdef(t.oid, true) END, NULL, 0
    FROM rel r
    JOIN pg_catalog.pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
    UNION ALL
    SELECT 8, 0, 'policy', p.polname::text,
           CASE WHEN p.polpermissive THEN '' ELSE 'restrictive ' END
           || 'for ' || CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'all' END
           || ' to ' || CASE WHEN p.polroles::text = '{0}' THEN 'public' ELSE (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(u.oid)), ', ' ORDER BY u.oid) FROM pg_catalog.unnest(p.polroles) AS u (oid)) END
           || CASE WHEN pg_catalog.has_table_privilege(r.oid, 'select') IS NULL THEN NULL WHEN r.oid IN (SELECT l.oid FROM locked l) THEN ' (locked)'
                   ELSE coalesce(' using (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')', '')
                        || coalesce(' with check (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')', '') END, NULL, 0
    FROM rel r
    JOIN pg_catalog.pg_policy p ON p.polrelid = r.oid
    UNION ALL
    SELECT 9, 0, 'rule', w.rulename::text,
           CASE w.ev_enabled WHEN 'D' THEN 'disabled: ' WHEN 'R' THEN 'replica: ' WHEN 'A' THEN 'always: ' ELSE '' END
           || CASE WHEN pg_catalog.has_table_privilege(r.oid, 'select') IS NULL THEN NULL WHEN r.oid IN (SELECT l.oid FROM locked l) THEN '(locked)' ELSE pg_catalog.pg_get_ruledef(w.oid, true) END, NULL, 0
    FROM rel r
    JOIN pg_catalog.pg_rewrite w ON w.ev_class = r.oid AND w.rulename <> '_RETURN'
    UNION ALL
    SELECT 10, 0, 'extended statistics', x.stxnamespace::regnamespace::text || '.' || pg_catalog.quote_ident(x.stxname),
           pg_catalog.pg_get_statisticsobjdef(x.oid)
           || CASE WHEN x.stxstattarget >= 0 THEN ', statistics ' || x.stxstattarget::text ELSE '' END -- pg13..
           , NULL, 0
    FROM rel r
    JOIN pg_catalog.pg_statistic_ext x ON x.stxrelid = r.oid
    WHERE r.oid NOT IN (SELECT l.oid FROM locked l)
    UNION ALL
    SELECT 11, 0, 'publication', p.pubname::text,
           pg_catalog.concat_ws(', ',
               CASE WHEN p.puballtables THEN 'all tables' END,
               CASE WHEN n.oid IS NOT NULL THEN 'all tables of the schema' END, -- pg15..
               'columns ' || (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = r.oid AND a.attnum = ANY (pr.prattrs::int2[])), -- pg15..
               CASE WHEN pr.prqual IS NULL OR pg_catalog.has_table_privilege(r.oid, 'select') IS NULL THEN NULL WHEN r.oid IN (SELECT l.oid FROM locked l) THEN 'where (locked)' -- pg15..
                    ELSE 'where ' || pg_catalog.pg_get_expr(pr.prqual, r.oid) END, -- pg15..
               NULL), NULL, 0
    FROM rel r
    CROSS JOIN pg_catalog.pg_publication p
    LEFT JOIN pg_catalog.pg_publication_rel pr ON pr.prpubid = p.oid AND pr.prrelid = r.oid
    LEFT JOIN pg_catalog.pg_publication_namespace n ON n.pnpubid = p.oid AND n.pnnspid = r.relnamespace -- pg15..
    WHERE r.relkind IN ('r', 'p') AND r.relpersistence = 'p' AND r.oid >= 16384
      AND (p.puballtables OR pr.oid IS NOT NULL
           OR n.oid IS NOT NULL -- pg15..
          )
    -- What was said of its parts.
    UNION ALL
    SELECT 11, 1, 'comment', x.name, x.detail, NULL, 0
    FROM rel r
    CROSS JOIN LATERAL (
        SELECT 'index ' || c.relname::text, pg_catalog.obj_description(c.oid, 'pg_class')
        FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = r.oid
        UNION ALL
        SELECT 'constraint ' || k.conname::text, pg_catalog.obj_description(k.oid, 'pg_constraint') FROM pg_catalog.pg_constraint k WHERE k.conrelid = r.oid
        UNION ALL
        SELECT 'trigger ' || t.tgname::text, pg_catalog.obj_description(t.oid, 'pg_trigger') FROM pg_catalog.pg_trigger t WHERE t.tgrelid = r.oid
        UNION ALL
        SELECT 'policy ' || p.polname::text, pg_catalog.obj_description(p.oid, 'pg_policy') FROM pg_catalog.pg_policy p WHERE p.polrelid = r.oid
        UNION ALL
        SELECT 'rule ' || w.rulename::text, pg_catalog.obj_description(w.oid, 'pg_rewrite') FROM pg_catalog.pg_rewrite w WHERE w.ev_class = r.oid
        UNION ALL
        SELECT 'statistics ' || s.stxnamespace::regnamespace::text || '.' || pg_catalog.quote_ident(s.stxname), pg_catalog.obj_description(s.oid, 'pg_statistic_ext')
        FROM pg_catalog.pg_statistic_ext s WHERE s.stxrelid = r.oid) AS x (name, detail)
    WHERE x.detail <> ''
    -- Partitions and heirs, as a tree.
    UNION ALL
    SELECT 12, (pg_catalog.row_number() OVER (ORDER BY f.path COLLATE "C"))::int4, CASE WHEN c.relispartition THEN 'partition' ELSE 'heir' END,
           CASE WHEN c.relnamespace = (SELECT r.relnamespace FROM rel r) THEN pg_catalog.quote_ident(c.relname) ELSE c.oid::regclass::text END,
           CASE WHEN pg_catalog.has_table_privilege(c.oid, 'select') IS NULL THEN NULL WHEN c.oid IN (SELECT l.oid FROM locked l) THEN '(locked)'
                ELSE pg_catalog.concat_ws(', ', pg_catalog.pg_get_expr(c.relpartbound, c.oid), CASE WHEN c.relkind = 'p' THEN 'partitioned' END, CASE WHEN f.is_leaving THEN 'detach pending' END) END,
           CASE WHEN c.relkind IN ('r', 'm') AND c.oid NOT IN (SELECT l.oid FROM locked l) THEN pg_catalog.pg_relation_size(c.oid) END, f.level - 1
    FROM family f
    JOIN pg_catalog.pg_class c ON c.oid = f.oid
    WHERE f.level > 0
    -- Sizes and use.
    UNION ALL
    SELECT 13, x.place, 'size', x.name, CASE WHEN x.is_locked THEN '(locked)' END, x.bytes, 0
    FROM rel r
    CROSS JOIN held h
    CROSS JOIN LATERAL (VALUES
        (0, 'main', h.main AND r.relkind IN ('r', 'm', 'i', 't', 'S'),
            CASE WHEN r.relkind IN ('r', 'm', 'i', 't', 'S') AND NOT h.main THEN pg_catalog.pg_relation_size(r.oid) END),
        (1, 'TOAST', (h.main OR h.toast) AND r.reltoastrelid <> 0,
            CASE WHEN r.reltoastrelid <> 0 AND NOT h.main AND NOT h.toast THEN pg_catalog.pg_total_relation_size(r.reltoastrelid) END),
        (2, 'indexes', (h.main OR h.indexes) AND r.relhasindex AND r.relkind IN ('r', 'm'),
            CASE WHEN r.relhasindex AND r.relkind IN ('r', 'm') AND NOT h.main AND NOT h.indexes THEN pg_catalog.pg_indexes_size(r.oid) END),
        (3, 'total', (h.main OR h.toast OR h.indexes) AND r.relkind IN ('r', 'm', 't'),
            CASE WHEN r.relkind IN ('r', 'm', 't') AND NOT h.main AND NOT h.toast AND NOT h.indexes THEN pg_catalog.pg_total_relation_size(r.oid) END)) AS x (place, name, is_locked, bytes)
    WHERE (x.bytes IS NOT NULL OR x.is_locked) AND NOT h.is_lost
    UNION ALL
    SELECT 14, x.place, 'use', x.name, x.detail, NULL, 0
    FROM rel r
    CROSS JOIN counting w
    CROSS JOIN LATERAL (
        SELECT pg_catalog.pg_stat_get_dead_tuples(r.oid) AS dead, pg_catalog.pg_stat_get_numscans(r.oid) AS scans,
               (SELECT pg_catalog.sum(pg_catalog.pg_stat_get_numscans(i.indexrelid)) FROM pg_catalog.pg_index i WHERE i.indrelid = r.oid) AS index_scans,
               pg_catalog.pg_stat_get_tuples_inserted(r.oid) AS inserted, pg_catalog.pg_stat_get_tuples_updated(r.oid) AS updated,
               pg_catalog.pg_stat_get_tuples_deleted(r.oid) AS deleted
        OFFSET 0
    ) AS n
    CROSS JOIN LATERAL (VALUES
        (0, 'rows (estimate)', CASE WHEN r.reltuples >= 0 AND (r.reltuples > 0 OR r.relpages > 0) THEN r.reltuples::int8::text ELSE 'unknown: never vacuumed or analyzed' END),
        (1, 'dead rows', CASE WHEN w.writes OR n.dead > 0 THEN n.dead::text END),
        (2, 'sequential scans', CASE WHEN w.reads OR n.scans > 0 THEN n.scans::text END),
        (3, 'index scans', CASE WHEN w.reads OR n.index_scans > 0::numeric THEN n.index_scans::text END),
        (4, 'inserted', CASE WHEN w.writes OR n.inserted > 0 THEN n.inserted::text END),
        (5, 'updated', CASE WHEN w.writes OR n.updated > 0 THEN n.updated::text END),
        (6, 'deleted', CASE WHEN w.writes OR n.deleted > 0 THEN n.deleted::text END),
        (7, 'last vacuum', coalesce(pg_catalog.to_char(greatest(pg_catalog.pg_stat_get_last_vacuum_time(r.oid), pg_catalog.pg_stat_get_last_autovacuum_time(r.oid)), 'YYYY-MM-DD HH24:MI:SS TZ'), CASE WHEN w.writes THEN 'never' END)),
        (8, 'last analyze', coalesce(pg_catalog.to_char(greatest(pg_catalog.pg_stat_get_last_analyze_time(r.oid), pg_catalog.pg_stat_get_last_autoanalyze_time(r.oid)), 'YYYY-MM-DD HH24:MI:SS TZ'), CASE WHEN w.writes THEN 'never' END))) AS x (place, name, detail)
    WHERE r.relkind IN ('r', 'm', 't') AND x.detail <> ''
    UNION ALL
    SELECT 14, 0, 'use', 'scans', pg_catalog.pg_stat_get_numscans(r.oid)::text, NULL, 0
    FROM rel r
    CROSS JOIN counting w
    WHERE r.relkind = 'i' AND (w.reads OR pg_catalog.pg_stat_get_numscans(r.oid) > 0)
    -- Functions.
    UNION ALL
    SELECT 15, x.place, 'function', x.name, x.detail, NULL, 0
    FROM func f
    JOIN pg_catalog.pg_language l ON l.oid = f.prolang
    LEFT JOIN pg_catalog.pg_aggregate g ON g.aggfnoid = f.oid
    CROSS JOIN LATERAL (VALUES
        (0, 'name', f.pronamespace::regnamespace::text || '.' || pg_catalog.quote_ident(f.proname) || '(' || pg_catalog.pg_get_function_identity_arguments(f.oid) || ')'),
        (1, 'kind', f.kind),
        (2, 'arguments', pg_catalog.pg_get_function_arguments(f.oid)),
        (3, 'returns', pg_catalog.pg_get_function_result(f.oid)),
        (4, 'language', l.lanname::text),
        (5, 'owner', pg_catalog.pg_get_userbyid(f.proowner)::text),
        (6, 'comment', pg_catalog.obj_description(f.oid, 'pg_proc')),
        (7, 'volatility', CASE f.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END),
        (8, 'parallel', CASE f.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END),
        (9, 'security', CASE WHEN f.prosecdef THEN 'definer: it runs with the rights of its owner' ELSE 'invoker' END),
        (10, 'strict', CASE WHEN f.proisstrict THEN 'yes: NULL in, NULL out' END),
        (11, 'leakproof', CASE WHEN f.proleakproof THEN 'yes' END),
        (12, 'settings', pg_catalog.array_to_string(f.proconfig, ', ')),
        (13, 'cost', f.procost::text),
        (14, 'rows', nullif(f.prorows, 0)::text),
        (15, 'extension', (SELECT e.extname::text FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
                           WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e'
                             AND d.refclassid = 'pg_catalog.pg_extension'::regclass LIMIT 1)),
        (16, 'state function', g.aggtransfn::text),
        (17, 'state type', pg_catalog.format_type(g.aggtranstype, NULL)),
        (18, 'initial value', g.agginitval),
        (19, 'final function', CASE WHEN g.aggfinalfn::oid <> 0 THEN g.aggfinalfn::text END),
        (20, 'combine function', CASE WHEN g.aggcombinefn::oid <> 0 THEN g.aggcombinefn::text END),
        (21, 'sort operator', CASE WHEN g.aggsortop <> 0 THEN g.aggsortop::regoperator::text END)) AS x (place, name, detail)
    WHERE x.detail <> ''
    UNION ALL
    SELECT 16, 0, 'called by', pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(g.proname) || '(' || pg_catalog.pg_get_function_identity_arguments(g.oid) || ')', 'its body contains the name', NULL, 0
    FROM func f
    JOIN pg_catalog.pg_proc g ON g.oid <> f.oid AND g.oid >= 16384
         AND g.prosrc ~* ('\m' || pg_catalog.regexp_replace(f.proname::text, '([^[:alnum:]_])', '\\\1', 'g') || '\M')
    JOIN pg_catalog.pg_namespace n ON n.oid = g.pronamespace
    UNION ALL
    SELECT DISTINCT 16, 1, 'called by', pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid), 'depends on it', NULL::int8, 0
    FROM func f
    JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_proc'::regclass AND d.refobjid = f.oid AND d.deptype IN ('n', 'a')
    -- Privileges: NULL means the defaults of the kind.
    UNION ALL
    SELECT 17, 0, 'privilege', CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) END,
           pg_catalog.string_agg(g.privilege_type || CASE WHEN g.is_grantable THEN ' with grant option' ELSE '' END, ', ' ORDER BY g.privilege_type COLLATE "C", g.is_grantable, g.grantor), NULL, 0
    FROM (SELECT (pg_catalog.aclexplode(coalesce(r.relacl, pg_catalog.acldefault(CASE WHEN r.relkind = 'S' THEN 's' ELSE 'r' END::pg_catalog."char", r.relowner)))).*
          FROM rel r WHERE r.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
          UNION ALL
          SELECT (pg_catalog.aclexplode(coalesce(f.proacl, pg_catalog.acldefault('f', f.proowner)))).* FROM func f) AS g
    GROUP BY g.grantee
    UNION ALL
    SELECT 18, a.attnum, 'column privilege', a.attname::text || ', ' || CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) END,
           pg_catalog.string_agg(g.privilege_type || CASE WHEN g.is_grantable THEN ' with grant option' ELSE '' END, ', ' ORDER BY g.privilege_type COLLATE "C", g.is_grantable, g.grantor), NULL, 0
    FROM rel r
    JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attacl IS NOT NULL
    CROSS JOIN LATERAL pg_catalog.aclexplode(a.attacl) AS g
    GROUP BY a.attnum, a.attname, g.grantee
    -- What uses the relation: views, and functions and others that the server knows to depend on it.
    UNION ALL
    SELECT DISTINCT 19, 0, 'used by', w.ev_class::regclass::text, CASE c.relkind WHEN 'm' THEN 'materialized view' WHEN 'v' THEN 'view' ELSE 'rule of this table' END, NULL::int8, 0
    FROM rel r
    JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = r.oid AND d.classid = 'pg_catalog.pg_rewrite'::regclass
    JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid AND w.ev_class <> r.oid
    JOIN pg_catalog.pg_class c ON c.oid = w.ev_class
    UNION ALL
    SELECT DISTINCT 19, 1, 'used by', pg_catalog.pg_describe_object(d.classid, d.objid, 0), 'depends on it', NULL::int8, 0
    FROM rel r
    JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = r.oid AND d.deptype = 'n'
    WHERE d.classid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_attrdef'::regclass)
    -- The definition.
    UNION ALL
    SELECT 20, 0, 'definition', NULL,
           CASE WHEN EXISTS (
                    SELECT FROM pg_catalog.pg_rewrite w
                    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
                    JOIN locked l ON l.oid = d.refobjid
                    WHERE w.ev_class = r.oid)
                THEN '(locked)'
                WHEN pg_catalog.has_table_privilege(r.oid, 'select') IS NOT NULL THEN pg_catalog.pg_get_viewdef(r.oid, true) END, NULL, 0
    FROM rel r
    WHERE r.relkind IN ('v', 'm')
    UNION ALL
    SELECT 20, 0, 'definition', NULL, CASE WHEN f.kind <> 'aggregate' AND pg_catalog.has_function_privilege(f.oid, 'execute') IS NOT NULL THEN pg_catalog.pg_get_functiondef(f.oid) END, NULL, 0
    FROM func f
    WHERE f.kind <> 'aggregate'
)
SELECT f.section, f.name, f.detail, f.size_bytes, f.level::int8 AS level
FROM facts f
ORDER BY f.pos, f.place, f.name COLLATE "C", f.detail COLLATE "C"
