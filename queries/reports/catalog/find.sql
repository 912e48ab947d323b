-- Everything that contains a text: names, columns, types, bodies, definitions, options and comments.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- lock_timeout = "100ms"
-- retry   = ["55P03", "XX000", "22P03"]
-- source  = "the catalogs behind psql's backslash commands"
-- example = "pgkit find oauth | grep -v archive"
-- reading = "found_in says where the text was found: in a name, a column, a function's body, a comment and so on. detail shows the part that contains it, or says what the object is."
-- notes   = "pgkit describe NAME shows everything about one object."
-- key     = ["found_in", "schema", "name", "kind", "detail"]
-- columns = ["found_in text", "schema text", "name text", "kind text", "detail text"]
-- [[param]]
-- name       = "term"
-- type       = "term"
-- positional = true
-- help       = "The text to look for, in upper or lower case; without it, all relations and functions"
-- [[param]]
-- name = "regex"
-- type = "bool"
-- help = "TERM is a PostgreSQL regular expression"
-- [[param]]
-- name = "system"
-- type = "bool"
-- help = "Include system catalogs and functions"
WITH RECURSIVE term (re) AS (
    -- With --regex $1 is a regular expression; without it $2 is one that matches the text $1. The operator ~* ignores case, and $2
    -- spells out both cases of letters outside ASCII, which ~* does not fold if lc_ctype is C.
    SELECT CASE WHEN $3 THEN $1 ELSE $2 END
), namespaces AS (
    SELECT n.oid, n.nspname
    FROM pg_catalog.pg_namespace n
    WHERE $4 OR (n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_toast' AND n.nspname !~ '^pg_temp_')
), here (oid) AS (
    SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
), relations AS (
    SELECT c.oid, c.relkind, n.nspname, c.relname, c.reloptions, c.relpartbound, c.reloftype, c.reltablespace, c.relam, -- pg12..
    SELECT c.oid, c.relkind, n.nspname, c.relname, c.reloptions, c.relpartbound, c.reloftype, c.reltablespace, NULL::oid AS relam, -- pg..11
           CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
                WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table'
                WHEN 'i' THEN 'index' WHEN 'I' THEN 'partitioned index' WHEN 'c' THEN 'composite type' END AS kind,
           c.relname::text COLLATE pg_catalog."default" ~* t.re AS by_name
    FROM pg_catalog.pg_class c
    JOIN namespaces n ON n.oid = c.relnamespace
    CROSS JOIN term t
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'i', 'I', 'c')
), types (oid) AS (
    -- Types whose name matches, and arrays of such types.
    SELECT u.oid
    FROM pg_catalog.pg_type y
    JOIN namespaces n ON n.oid = y.typnamespace
    CROSS JOIN term t
    CROSS JOIN LATERAL (VALUES (y.oid), (y.typarray)) AS u (oid)
    WHERE y.typname::text COLLATE pg_catalog."default" ~* t.re AND u.oid <> 0
      AND y.typinput::oid <> 'pg_catalog.array_in'::pg_catalog.regproc::oid
), columns AS (
    -- Everything about columns is read in one pass over pg_attribute.
    SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.by_name, a.by_type,
           a.attcollation, pg_catalog.array_to_string(a.attoptions, ', ') AS options, a.attfdwoptions
    -- Without OFFSET 0 the planner would merge the queries and evaluate the comparison twice.
    FROM (SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attcollation, a.attoptions, a.attfdwoptions,
                 a.attname::text COLLATE pg_catalog."default" ~* t.re AS by_name,
                 a.atttypid IN (SELECT y.oid FROM types y) AS by_type
          FROM pg_catalog.pg_attribute a
          JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
          JOIN namespaces n ON n.oid = c.relnamespace
          CROSS JOIN term t
          WHERE a.attnum > 0 AND NOT a.attisdropped
          OFFSET 0) AS a
    WHERE a.by_name OR a.by_type OR a.attoptions IS NOT NULL OR a.attfdwoptions IS NOT NULL
       OR a.attcollation NOT IN (0, 'pg_catalog."default"'::pg_catalog.regcollation, 'pg_catalog."C"'::pg_catalog.regcollation) -- pg13..
       OR a.attcollation NOT IN (SELECT o.oid FROM pg_catalog.pg_collation o WHERE o.collname IN ('default', 'C') UNION ALL SELECT 0) -- pg..12
), exclusive (oid) AS (
-- include exclusive
), locked (oid) AS (
    SELECT e.oid FROM exclusive e
    UNION
    SELECT i.indrelid FROM exclusive e JOIN pg_catalog.pg_index i ON i.indexrelid = e.oid
    UNION
    SELECT i.indexrelid FROM exclusive e JOIN pg_catalog.pg_index i ON i.indrelid = e.oid
), valued (classid, objid, objsubid) AS (
    -- What uses the row type of a locked table, directly or through other objects: columns, functions, views, domains, indexes.
    -- To write out a value of that type the server reads the table, so it would wait too.
    SELECT 'pg_catalog.pg_type'::pg_catalog.regclass::oid, y.oid, 0
    FROM pg_catalog.pg_type y
    JOIN locked l ON l.oid = y.typrelid
    UNION
    SELECT d.classid, d.objid, d.objsubid
    FROM valued v
    JOIN pg_catalog.pg_depend d ON d.refclassid = v.classid AND d.refobjid = v.objid AND (v.objsubid = 0 OR d.refobjsubid = v.objsubid)
), entangled (classid, objid) AS (
    SELECT DISTINCT v.classid, v.objid FROM valued v
), blocked (classid, objid) AS (
    -- Whose definition reads a locked relation: writing it out would wait for that lock.
    SELECT d.classid, d.objid
    FROM pg_catalog.pg_depend d
    JOIN locked l ON l.oid = d.refobjid
    WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    UNION
    SELECT e.classid, e.objid FROM entangled e
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
    -- A function may be dropped while this runs, with its types; pg_get_function_arguments and the like then raise an error.
    -- has_type_privilege returns NULL for a type that is gone, so it is asked first. Rows without a name are removed at the end.
    SELECT p.oid, n.nspname, p.proname, p.proname::text COLLATE pg_catalog."default" ~* t.re AS by_name,
           CASE WHEN p.proisagg THEN 'aggregate' -- pg..10
                WHEN p.proiswindow THEN 'window' -- pg..10
           CASE WHEN p.prokind = 'a' THEN 'aggregate' -- pg11..
                WHEN p.prokind = 'w' THEN 'window' -- pg11..
                WHEN p.prokind = 'p' THEN 'procedure' -- pg11..
                WHEN p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype THEN 'trigger'
                ELSE 'function' END AS kind,
           pg_catalog.concat_ws(' ', p.probin, p.prosrc) AS body, -- pg..13
           false AS is_locked, -- pg..13
           CASE WHEN p.prosqlbody IS NULL THEN pg_catalog.concat_ws(' ', p.probin, p.prosrc) WHEN b.objid IS NULL THEN pg_catalog.pg_get_function_sqlbody(p.oid) END AS body, -- pg14..
           p.prosqlbody IS NOT NULL AND b.objid IS NOT NULL AS is_locked, -- pg14..
           pg_catalog.array_to_string(p.proconfig, ', ') AS settings,
           pg_catalog.array_append(coalesce(p.proallargtypes, p.proargtypes::oid[]), p.prorettype) AS types, p.proargnames,
           CASE WHEN b.objid IS NULL THEN p.proargdefaults END AS defaults,
           b.objid IS NOT NULL AND p.proargdefaults IS NOT NULL AS has_locked_defaults
    FROM pg_catalog.pg_proc p
    JOIN namespaces n ON n.oid = p.pronamespace
    CROSS JOIN term t
    LEFT JOIN blocked b ON b.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND b.objid = p.oid
), named_indexes (oid) AS (
    -- Whether an index's columns, access method or operator classes match is known without pg_get_indexdef.
    SELECT i.indexrelid
    FROM columns c
    JOIN pg_catalog.pg_index i ON i.indrelid = c.attrelid AND c.attnum = ANY (i.indkey::pg_catalog.int2[])
    WHERE c.by_name
    UNION
    SELECT c.oid
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_am m ON m.oid = c.relam
    CROSS JOIN term t
    -- Nearly all indexes are B-trees: naming them all would help nobody.
    WHERE c.relkind IN ('i', 'I') AND m.amname <> 'btree' AND m.amname::text COLLATE pg_catalog."default" ~* t.re
    UNION
    SELECT i.indexrelid
    FROM pg_catalog.pg_index i
    CROSS JOIN LATERAL pg_catalog.unnest(i.indclass::oid[]) AS k (opclass)
    JOIN pg_catalog.pg_opclass o ON o.oid = k.opclass AND NOT o.opcdefault
    CROSS JOIN term t
    WHERE o.opcname::text COLLATE pg_catalog."default" ~* t.re
), named_constraints (oid) AS (
    SELECT k.oid
    FROM columns c
    JOIN pg_catalog.pg_constraint k ON k.conrelid = c.attrelid AND c.attnum = ANY (k.conkey)
    WHERE c.by_name AND k.contype <> 'n'
    UNION
    SELECT k.oid
    FROM columns c
    JOIN pg_catalog.pg_constraint k ON k.confrelid = c.attrelid AND c.attnum = ANY (k.confkey)
    WHERE c.by_name
), checks (oid, same) AS (
    -- Partitions often have equal checks, and so do databases with a schema for each customer. Writing out a check is slow, because
    -- the server loads the whole table, so equal checks are written out once. The text depends on the expression tree and on the
    -- names of the columns; a reference to a whole row contains its table's type, so such trees are never equal.
    SELECT c.oid, pg_catalog.min(c.oid) OVER (
               PARTITION BY c.conbin::text COLLATE "C",
                            ARRAY(SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey) ORDER BY a.attnum),
                            c.conenforced, -- pg18..
                            c.connoinherit, c.convalidated)
    FROM pg_catalog.pg_constraint c
    JOIN term t ON t.re IS NOT NULL
    LEFT JOIN locked l ON l.oid = c.conrelid
    LEFT JOIN blocked b ON b.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND b.objid = c.oid
    WHERE c.conrelid <> 0 AND c.contype = 'c' AND l.oid IS NULL AND b.objid IS NULL
), check_definitions (oid, definition) AS (
    SELECT k.oid, CASE WHEN pg_catalog.has_table_privilege(c.conrelid, 'SELECT') IS NOT NULL THEN pg_catalog.pg_get_constraintdef(k.oid) END
    FROM checks k
    JOIN pg_catalog.pg_constraint c ON c.oid = k.oid
    WHERE k.oid = k.same
), options (kind, oid, attnum, list) AS (
    -- The options of foreign objects. Where the name suggests a secret, the value is masked.
    SELECT x.kind, x.oid, x.attnum,
           pg_catalog.string_agg(CASE WHEN o.one ~* '^[^=]*(passw|secret|token|key)[^=]*=' THEN pg_catalog.split_part(o.one, '=', 1) || '=********' ELSE o.one END, ', ')
    FROM (SELECT 'wrapper' AS kind, w.oid, 0::int2 AS attnum, w.fdwoptions AS list FROM pg_catalog.pg_foreign_data_wrapper w
          UNION ALL
          SELECT 'server', v.oid, 0, v.srvoptions FROM pg_catalog.pg_foreign_server v
          UNION ALL
          SELECT 'mapping', u.umid, 0, u.umoptions FROM pg_catalog.pg_user_mappings u
          UNION ALL
          SELECT 'table', f.ftrelid, 0, f.ftoptions FROM pg_catalog.pg_foreign_table f
          UNION ALL
          SELECT 'column', c.attrelid, c.attnum, c.attfdwoptions FROM columns c WHERE c.attfdwoptions IS NOT NULL) AS x
    CROSS JOIN LATERAL pg_catalog.unnest(x.list) AS o (one)
    GROUP BY x.kind, x.oid, x.attnum
), others (schema, name, kind, definition) AS (
    -- Kinds of objects of which a database has few, with their whole definitions.
    SELECT n.nspname::text, y.typname::text, CASE y.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' WHEN 'm' THEN 'multirange' ELSE 'base type' END,
           CASE y.typtype
               WHEN 'd' THEN pg_catalog.format_type(y.typbasetype, y.typtypmod) || coalesce(' DEFAULT ' || y.typdefault, '')
               WHEN 'r' THEN (SELECT pg_catalog.concat_ws(', ', pg_catalog.format_type(r.rngsubtype, NULL), NULLIF(r.rngcanonical::text, '-'), NULLIF(r.rngsubdiff::text, '-'))
                              FROM pg_catalog.pg_range r WHERE r.rngtypid = y.oid)
               WHEN 'b' THEN pg_catalog.concat_ws(', ', y.typdefault, y.typinput::text, y.typoutput::text, NULLIF(y.typreceive::text, '-'), NULLIF(y.typsend::text, '-'),
                                                  NULLIF(y.typmodin::text, '-'), NULLIF(y.typmodout::text, '-'), NULLIF(y.typanalyze::text, '-'))
           END
    FROM pg_catalog.pg_type y
    JOIN namespaces n ON n.oid = y.typnamespace
    LEFT JOIN pg_catalog.pg_type e ON e.typarray = y.oid
    WHERE y.typtype <> 'c' AND e.oid IS NULL
    UNION ALL
    SELECT f.nspname::text, f.proname || '(' || CASE WHEN (SELECT pg_catalog.bool_and(pg_catalog.has_type_privilege(a.type, 'USAGE') IS NOT NULL) FROM pg_catalog.unnest(f.types) AS a (type)) THEN pg_catalog.pg_get_function_identity_arguments(f.oid) END || ')', 'aggregate',
           pg_catalog.concat_ws(', ', a.aggtransfn::text, NULLIF(a.aggfinalfn::text, '-'), NULLIF(a.aggcombinefn::text, '-'), NULLIF(a.aggserialfn::text, '-'), NULLIF(a.aggdeserialfn::text, '-'),
                                NULLIF(a.aggmtransfn::text, '-'), NULLIF(a.aggminvtransfn::text, '-'), NULLIF(a.aggmfinalfn::text, '-'), a.agginitval, a.aggminitval)
    FROM pg_catalog.pg_aggregate a
    JOIN functions f ON f.oid = a.aggfnoid
    WHERE NOT f.by_name
    UNION ALL
    SELECT n.nspname::text, pg_catalog.concat_ws(' ', NULLIF(pg_catalog.format_type(o.oprleft, NULL), '-'), o.oprname, NULLIF(pg_catalog.format_type(o.oprright, NULL), '-')), 'operator',
           pg_catalog.concat_ws(', ', o.oprcode::text, NULLIF(o.oprcom::pg_catalog.regoper::text, '0'), NULLIF(o.oprnegate::pg_catalog.regoper::text, '0'), NULLIF(o.oprrest::text, '-'), NULLIF(o.oprjoin::text, '-'))
    FROM pg_catalog.pg_operator o
    JOIN namespaces n ON n.oid = o.oprnamespace
    UNION ALL
    SELECT n.nspname::text, o.opcname::text, 'operator class', pg_catalog.concat_ws(' ', 'for', pg_catalog.format_type(o.opcintype, NULL), 'using', m.amname)
    FROM pg_catalog.pg_opclass o
    JOIN namespaces n ON n.oid = o.opcnamespace
    JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod
    UNION ALL
    SELECT n.nspname::text, o.opfname::text, 'operator family', 'using ' || m.amname
    FROM pg_catalog.pg_opfamily o
    JOIN namespaces n ON n.oid = o.opfnamespace
    JOIN pg_catalog.pg_am m ON m.oid = o.opfmethod
    UNION ALL
    SELECT n.nspname::text, o.collname::text, 'collation', pg_catalog.concat_ws(', ', o.collcollate, o.collctype) -- pg..14
    SELECT n.nspname::text, o.collname::text, 'collation', pg_catalog.concat_ws(', ', o.collcollate, o.collctype, o.colliculocale) -- pg15..15
    SELECT n.nspname::text, o.collname::text, 'collation', pg_catalog.concat_ws(', ', o.collcollate, o.collctype, o.colliculocale, o.collicurules) -- pg16..16
    SELECT n.nspname::text, o.collname::text, 'collation', pg_catalog.concat_ws(', ', o.collcollate, o.collctype, o.colllocale, o.collicurules) -- pg17..
    FROM pg_catalog.pg_collation o
    JOIN namespaces n ON n.oid = o.collnamespace
    UNION ALL
    SELECT n.nspname::text, o.conname::text, 'conversion',
           pg_catalog.concat_ws(' ', pg_catalog.pg_encoding_to_char(o.conforencoding), 'to', pg_catalog.pg_encoding_to_char(o.contoencoding), o.conproc::text)
    FROM pg_catalog.pg_conversion o
    JOIN namespaces n ON n.oid = o.connamespace
    UNION ALL
    SELECT n.nspname::text, o.cfgname::text, 'text search configuration',
           pg_catalog.concat_ws(', ', p.prsname, (SELECT pg_catalog.string_agg(k.alias || ': ' || d.dictname, ', ' ORDER BY k.tokid, m.mapseqno)
                                                  FROM pg_catalog.pg_ts_config_map m
                                                  JOIN pg_catalog.ts_token_type(p.oid) AS k (tokid, alias, description) ON k.tokid = m.maptokentype
                                                  JOIN pg_catalog.pg_ts_dict d ON d.oid = m.mapdict
                                                  WHERE m.mapcfg = o.oid))
    FROM pg_catalog.pg_ts_config o
    JOIN namespaces n ON n.oid = o.cfgnamespace
    JOIN pg_catalog.pg_ts_parser p ON p.oid = o.cfgparser
    UNION ALL
    SELECT n.nspname::text, o.dictname::text, 'text search dictionary', pg_catalog.concat_ws(', ', m.tmplname, o.dictinitoption)
    FROM pg_catalog.pg_ts_dict o
    JOIN namespaces n ON n.oid = o.dictnamespace
    JOIN pg_catalog.pg_ts_template m ON m.oid = o.dicttemplate
    UNION ALL
    SELECT n.nspname::text, o.prsname::text, 'text search parser', pg_catalog.concat_ws(', ', o.prsstart::text, o.prstoken::text, o.prsend::text, NULLIF(o.prsheadline::text, '-'), o.prslextype::text)
    FROM pg_catalog.pg_ts_parser o
    JOIN namespaces n ON n.oid = o.prsnamespace
    UNION ALL
    SELECT n.nspname::text, o.tmplname::text, 'text search template', pg_catalog.concat_ws(', ', NULLIF(o.tmplinit::text, '-'), o.tmpllexize::text)
    FROM pg_catalog.pg_ts_template o
    JOIN namespaces n ON n.oid = o.tmplnamespace
    UNION ALL
    SELECT n.nspname::text, o.extname::text, 'extension', o.extversion
    FROM pg_catalog.pg_extension o
    JOIN pg_catalog.pg_namespace n ON n.oid = o.extnamespace
    UNION ALL
    SELECT n.nspname::text, n.nspname::text, 'schema', NULL
    FROM namespaces n
    UNION ALL
    SELECT NULL, o.evtname::text, 'event trigger', pg_catalog.concat_ws(' ', o.evtevent, pg_catalog.array_to_string(o.evttags, ', '), o.evtfoid::pg_catalog.regproc::text)
    FROM pg_catalog.pg_event_trigger o
    UNION ALL
    SELECT NULL, o.pubname::text, 'publication',
           pg_catalog.concat_ws(', ', (SELECT pg_catalog.string_agg('TABLES IN SCHEMA ' || m.nspname, ', ' ORDER BY m.nspname) -- pg15..
                                       FROM pg_catalog.pg_publication_namespace r JOIN pg_catalog.pg_namespace m ON m.oid = r.pnnspid WHERE r.pnpubid = o.oid), -- pg15..
           (SELECT pg_catalog.string_agg(c.relname || coalesce(' WHERE ' || CASE WHEN l.oid IS NULL THEN pg_catalog.pg_get_expr(r.prqual, r.prrelid) ELSE '(locked)' END, ''), ', ' ORDER BY c.relname) -- pg15..
           (SELECT pg_catalog.string_agg(c.relname, ', ' ORDER BY c.relname) -- pg..14
            FROM pg_catalog.pg_publication_rel r
            JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
            LEFT JOIN locked l ON l.oid = r.prrelid
            WHERE r.prpubid = o.oid)
           ) -- pg15..
    FROM pg_catalog.pg_publication o
    UNION ALL
    SELECT NULL, o.subname::text, 'subscription', pg_catalog.concat_ws(', ', o.subslotname, pg_catalog.array_to_string(o.subpublications, ', '))
    FROM pg_catalog.pg_subscription o
    WHERE o.subdbid = (SELECT d.oid FROM here d)
    UNION ALL
    SELECT NULL, o.fdwname::text, 'foreign-data wrapper', pg_catalog.concat_ws(', ', NULLIF(o.fdwhandler::pg_catalog.regproc::text, '-'), NULLIF(o.fdwvalidator::pg_catalog.regproc::text, '-'), (SELECT p.list FROM options p WHERE p.kind = 'wrapper' AND p.oid = o.oid))
    FROM pg_catalog.pg_foreign_data_wrapper o
    UNION ALL
    SELECT NULL, o.srvname::text, 'foreign server', pg_catalog.concat_ws(', ', w.fdwname, o.srvtype, o.srvversion, (SELECT p.list FROM options p WHERE p.kind = 'server' AND p.oid = o.oid))
    FROM pg_catalog.pg_foreign_server o
    JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = o.srvfdw
    UNION ALL
    SELECT NULL, o.usename || ' on ' || o.srvname, 'user mapping', (SELECT p.list FROM options p WHERE p.kind = 'mapping' AND p.oid = o.umid)
    FROM pg_catalog.pg_user_mappings o
    UNION ALL
    SELECT c.nspname::text, c.relname::text, 'foreign table', pg_catalog.concat_ws(', ', s.srvname, (SELECT p.list FROM options p WHERE p.kind = 'table' AND p.oid = o.ftrelid))
    FROM pg_catalog.pg_foreign_table o
    JOIN relations c ON c.oid = o.ftrelid AND NOT c.by_name
    JOIN pg_catalog.pg_foreign_server s ON s.oid = o.ftserver
    UNION ALL
    SELECT NULL, o.amname::text, 'access method', o.amhandler::text
    FROM pg_catalog.pg_am o
    WHERE $4 OR o.oid >= 16384
    UNION ALL
    SELECT NULL, o.lanname::text, 'language', pg_catalog.concat_ws(', ', NULLIF(o.lanplcallfoid::pg_catalog.regproc::text, '-'), NULLIF(o.laninline::pg_catalog.regproc::text, '-'), NULLIF(o.lanvalidator::pg_catalog.regproc::text, '-'))
    FROM pg_catalog.pg_language o
    WHERE $4 OR o.lanispl
    UNION ALL
    SELECT NULL, pg_catalog.format_type(o.castsource, NULL) || ' AS ' || pg_catalog.format_type(o.casttarget, NULL), 'cast', NULLIF(o.castfunc::pg_catalog.regprocedure::text, '-')
    FROM pg_catalog.pg_cast o
    WHERE $4 OR o.oid >= 16384
    UNION ALL
    SELECT NULL, pg_catalog.format_type(o.trftype, NULL) || ' for ' || l.lanname, 'transform', pg_catalog.concat_ws(', ', NULLIF(o.trffromsql::text, '-'), NULLIF(o.trftosql::text, '-'))
    FROM pg_catalog.pg_transform o
    JOIN pg_catalog.pg_language l ON l.oid = o.trflang
    UNION ALL
    SELECT NULL, o.rolname::text, 'role', NULL
    FROM pg_catalog.pg_roles o
    WHERE $4 OR o.rolname !~ '^pg_'
    UNION ALL
    SELECT NULL, o.datname::text, 'database', NULL
    FROM pg_catalog.pg_database o
    UNION ALL
    SELECT NULL, o.spcname::text, 'tablespace', pg_catalog.concat_ws(', ', NULLIF(pg_catalog.pg_tablespace_location(o.oid), ''), pg_catalog.array_to_string(o.spcoptions, ', '))
    FROM pg_catalog.pg_tablespace o
    WHERE $4 OR o.spcname NOT IN ('pg_default', 'pg_global')
    UNION ALL
    SELECT NULL, pg_catalog.concat_ws(' in ', r.rolname, d.datname), CASE WHEN s.setrole = 0 THEN 'database setting' ELSE 'role setting' END, pg_catalog.array_to_string(s.setconfig, ', ')
    FROM pg_catalog.pg_db_role_setting s
    LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
    UNION ALL
    SELECT NULL, l.objname, 'security label', pg_catalog.concat_ws(': ', l.provider, l.label)
    FROM pg_catalog.pg_seclabels l
), commented (classid, objid, objsubid, description) AS (
    SELECT d.classoid, d.objoid, d.objsubid, d.description
    FROM pg_catalog.pg_description d, term t
    -- 16384 is the first OID that initdb does not use; users may choose any OID for a large object. What initdb itself has to
    -- say of the schema public and of its databases is no topic of the user's.
    WHERE ($4 OR d.objoid >= 16384 OR d.classoid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass
           OR (d.classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.description <> 'standard public schema'
               AND d.objoid = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'public')))
      AND d.description COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT d.classoid, d.objoid, 0, d.description
    FROM pg_catalog.pg_shdescription d, term t
    WHERE ($4 OR d.description NOT IN ('unmodifiable empty database', 'default template for new databases', 'default administrative connection database'))
      AND d.description COLLATE pg_catalog."default" ~* t.re
), objects (classid, objid, schema, name, kind) AS (
    -- Objects that can have a comment. pg_identify_object would name them, but before 14 it fails on dropped objects.
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid, c.oid, c.relnamespace, c.relname::text,
           CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
                WHEN 'f' THEN 'foreign table' WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' WHEN 'c' THEN 'composite type' WHEN 't' THEN 'toast table' END
    FROM pg_catalog.pg_class c
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, o.oid, o.pronamespace, o.proname || '(' || CASE WHEN (SELECT pg_catalog.bool_and(pg_catalog.has_type_privilege(a.type, 'USAGE') IS NOT NULL) FROM pg_catalog.unnest(pg_catalog.array_append(coalesce(o.proallargtypes, o.proargtypes::oid[]), o.prorettype)) AS a (type)) THEN pg_catalog.pg_get_function_identity_arguments(o.oid) END || ')',
           CASE WHEN o.proisagg THEN 'aggregate' ELSE 'function' END -- pg..10
           CASE o.prokind WHEN 'a' THEN 'aggregate' WHEN 'p' THEN 'procedure' ELSE 'function' END -- pg11..
    FROM pg_catalog.pg_proc o
    WHERE o.oid IN (SELECT c.objid FROM commented c)
    UNION ALL
    SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, o.oid, o.typnamespace, o.typname::text, CASE o.typtype WHEN 'd' THEN 'domain' ELSE 'type' END FROM pg_catalog.pg_type o
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, o.oid, o.connamespace, pg_catalog.concat_ws('.', coalesce(c.relname, y.typname), o.conname),
           CASE WHEN o.conrelid <> 0 THEN 'table constraint' ELSE 'domain constraint' END
    FROM pg_catalog.pg_constraint o
    LEFT JOIN pg_catalog.pg_class c ON c.oid = o.conrelid
    LEFT JOIN pg_catalog.pg_type y ON y.oid = o.contypid
    UNION ALL
    SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, o.oid, c.relnamespace, c.relname || '.' || o.tgname, 'trigger' FROM pg_catalog.pg_trigger o JOIN pg_catalog.pg_class c ON c.oid = o.tgrelid
    UNION ALL
    SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, o.oid, c.relnamespace, c.relname || '.' || o.rulename, 'rule' FROM pg_catalog.pg_rewrite o JOIN pg_catalog.pg_class c ON c.oid = o.ev_class
    UNION ALL
    SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, o.oid, c.relnamespace, c.relname || '.' || o.polname, 'policy' FROM pg_catalog.pg_policy o JOIN pg_catalog.pg_class c ON c.oid = o.polrelid
    UNION ALL
    SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass, o.oid, o.oprnamespace,
           pg_catalog.concat_ws(' ', NULLIF(pg_catalog.format_type(o.oprleft, NULL), '-'), o.oprname, NULLIF(pg_catalog.format_type(o.oprright, NULL), '-')), 'operator'
    FROM pg_catalog.pg_operator o
    UNION ALL
    SELECT 'pg_catalog.pg_opclass'::pg_catalog.regclass, o.oid, o.opcnamespace, o.opcname::text, 'operator class' FROM pg_catalog.pg_opclass o
    UNION ALL
    SELECT 'pg_catalog.pg_opfamily'::pg_catalog.regclass, o.oid, o.opfnamespace, o.opfname::text, 'operator family' FROM pg_catalog.pg_opfamily o
    UNION ALL
    SELECT 'pg_catalog.pg_collation'::pg_catalog.regclass, o.oid, o.collnamespace, o.collname::text, 'collation' FROM pg_catalog.pg_collation o
    UNION ALL
    SELECT 'pg_catalog.pg_conversion'::pg_catalog.regclass, o.oid, o.connamespace, o.conname::text, 'conversion' FROM pg_catalog.pg_conversion o
    UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, o.oid, o.stxnamespace, o.stxname::text, 'statistics object' FROM pg_catalog.pg_statistic_ext o
    UNION ALL
    SELECT 'pg_catalog.pg_ts_config'::pg_catalog.regclass, o.oid, o.cfgnamespace, o.cfgname::text, 'text search configuration' FROM pg_catalog.pg_ts_config o
    UNION ALL
    SELECT 'pg_catalog.pg_ts_dict'::pg_catalog.regclass, o.oid, o.dictnamespace, o.dictname::text, 'text search dictionary' FROM pg_catalog.pg_ts_dict o
    UNION ALL
    SELECT 'pg_catalog.pg_ts_parser'::pg_catalog.regclass, o.oid, o.prsnamespace, o.prsname::text, 'text search parser' FROM pg_catalog.pg_ts_parser o
    UNION ALL
    SELECT 'pg_catalog.pg_ts_template'::pg_catalog.regclass, o.oid, o.tmplnamespace, o.tmplname::text, 'text search template' FROM pg_catalog.pg_ts_template o
    UNION ALL
    SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, o.oid, 0, o.nspname::text, 'schema' FROM pg_catalog.pg_namespace o
    UNION ALL
    SELECT 'pg_catalog.pg_extension'::pg_catalog.regclass, o.oid, 0, o.extname::text, 'extension' FROM pg_catalog.pg_extension o
    UNION ALL
    SELECT 'pg_catalog.pg_event_trigger'::pg_catalog.regclass, o.oid, 0, o.evtname::text, 'event trigger' FROM pg_catalog.pg_event_trigger o
    UNION ALL
    SELECT 'pg_catalog.pg_publication'::pg_catalog.regclass, o.oid, 0, o.pubname::text, 'publication' FROM pg_catalog.pg_publication o
    UNION ALL
    SELECT 'pg_catalog.pg_subscription'::pg_catalog.regclass, o.subid, 0, o.subname::text, 'subscription' FROM pg_catalog.pg_stat_subscription o
    UNION ALL
    SELECT 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, o.oid, 0, o.fdwname::text, 'foreign-data wrapper' FROM pg_catalog.pg_foreign_data_wrapper o
    UNION ALL
    SELECT 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, o.oid, 0, o.srvname::text, 'server' FROM pg_catalog.pg_foreign_server o
    UNION ALL
    SELECT 'pg_catalog.pg_am'::pg_catalog.regclass, o.oid, 0, o.amname::text, 'access method' FROM pg_catalog.pg_am o
    UNION ALL
    SELECT 'pg_catalog.pg_language'::pg_catalog.regclass, o.oid, 0, o.lanname::text, 'language' FROM pg_catalog.pg_language o
    UNION ALL
    SELECT 'pg_catalog.pg_cast'::pg_catalog.regclass, o.oid, 0, pg_catalog.format_type(o.castsource, NULL) || ' AS ' || pg_catalog.format_type(o.casttarget, NULL), 'cast' FROM pg_catalog.pg_cast o
    UNION ALL
    SELECT 'pg_catalog.pg_transform'::pg_catalog.regclass, o.oid, 0, pg_catalog.format_type(o.trftype, NULL) || ' for ' || l.lanname, 'transform'
    FROM pg_catalog.pg_transform o JOIN pg_catalog.pg_language l ON l.oid = o.trflang
    UNION ALL
    SELECT 'pg_catalog.pg_largeobject'::pg_catalog.regclass, o.oid, 0, o.oid::text, 'large object' FROM pg_catalog.pg_largeobject_metadata o
    UNION ALL
    SELECT 'pg_catalog.pg_database'::pg_catalog.regclass, o.oid, 0, o.datname::text, 'database' FROM pg_catalog.pg_database o
    UNION ALL
    SELECT 'pg_catalog.pg_authid'::pg_catalog.regclass, o.oid, 0, o.rolname::text, 'role' FROM pg_catalog.pg_roles o
    UNION ALL
    SELECT 'pg_catalog.pg_tablespace'::pg_catalog.regclass, o.oid, 0, o.spcname::text, 'tablespace' FROM pg_catalog.pg_tablespace o
), found (found_in, schema, name, kind, detail, is_locked) AS (
    SELECT CASE WHEN r.relkind IN ('i', 'I') THEN 'index' WHEN r.relkind = 'c' THEN 'type' ELSE 'relation' END,
           r.nspname::text, r.relname::text, r.kind, NULL, false
    FROM relations r, term t
    WHERE r.by_name OR (t.re IS NULL AND r.relkind NOT IN ('i', 'I', 'c'))
    UNION ALL
    SELECT CASE WHEN f.by_name OR t.re IS NULL THEN 'function' ELSE 'function body' END,
           f.nspname::text,
           f.proname || '(' || CASE WHEN (SELECT pg_catalog.bool_and(pg_catalog.has_type_privilege(a.type, 'USAGE') IS NOT NULL) FROM pg_catalog.unnest(f.types) AS a (type)) THEN pg_catalog.pg_get_function_identity_arguments(f.oid) END || ')', f.kind,
           CASE WHEN f.by_name OR t.re IS NULL THEN CASE WHEN (SELECT pg_catalog.bool_and(pg_catalog.has_type_privilege(a.type, 'USAGE') IS NOT NULL) FROM pg_catalog.unnest(f.types) AS a (type)) THEN pg_catalog.pg_get_function_result(f.oid) END ELSE f.body END,
           NOT coalesce(f.by_name, true) AND f.is_locked
    FROM functions f, term t
    WHERE t.re IS NULL OR f.by_name OR f.is_locked OR f.body COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    -- Types are matched by name and only outside pg_catalog, or `find integer` would return nearly every function.
    SELECT 'function arguments', f.nspname::text, f.proname || '(' || CASE WHEN (SELECT pg_catalog.bool_and(pg_catalog.has_type_privilege(a.type, 'USAGE') IS NOT NULL) FROM pg_catalog.unnest(f.types) AS a (type)) THEN pg_catalog.pg_get_function_identity_arguments(f.oid) END || ')', f.kind,
           CASE WHEN NOT f.has_locked_defaults AND (SELECT pg_catalog.bool_and(pg_catalog.has_type_privilege(a.type, 'USAGE') IS NOT NULL) FROM pg_catalog.unnest(f.types) AS a (type)) THEN pg_catalog.concat_ws(' RETURNS ', pg_catalog.pg_get_function_arguments(f.oid), pg_catalog.pg_get_function_result(f.oid)) END, f.has_locked_defaults
    FROM functions f, term t
    WHERE NOT f.by_name
      AND (f.has_locked_defaults
           OR pg_catalog.array_to_string(f.proargnames, ' ') COLLATE pg_catalog."default" ~* t.re
           OR CASE WHEN (SELECT pg_catalog.bool_and(pg_catalog.has_type_privilege(a.type, 'USAGE') IS NOT NULL) FROM pg_catalog.unnest(f.types) AS a (type)) THEN pg_catalog.pg_get_expr(f.defaults, 0) END COLLATE pg_catalog."default" ~* t.re
           OR (SELECT pg_catalog.bool_or(a.type IN (SELECT y.oid FROM types y)) FROM pg_catalog.unnest(f.types) AS a (type)))
    UNION ALL
    SELECT 'function setting', f.nspname::text, f.proname || '(' || CASE WHEN (SELECT pg_catalog.bool_and(pg_catalog.has_type_privilege(a.type, 'USAGE') IS NOT NULL) FROM pg_catalog.unnest(f.types) AS a (type)) THEN pg_catalog.pg_get_function_identity_arguments(f.oid) END || ')', f.kind, f.settings, false
    FROM functions f, term t
    WHERE f.settings COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT CASE WHEN c.by_name THEN 'column' ELSE 'column type' END, r.nspname::text, r.relname || '.' || c.attname, r.kind, pg_catalog.format_type(c.atttypid, c.atttypmod), false
    FROM columns c
    JOIN relations r ON r.oid = c.attrelid
    WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND (c.by_name OR c.by_type)
    UNION ALL
    SELECT 'column options', r.nspname::text, r.relname || '.' || c.attname, r.kind, c.options, false
    FROM (SELECT c.attrelid, c.attname, pg_catalog.concat_ws(', ', c.options, (SELECT p.list FROM options p WHERE p.kind = 'column' AND p.oid = c.attrelid AND p.attnum = c.attnum)) AS options
          FROM columns c
          WHERE c.options IS NOT NULL OR c.attfdwoptions IS NOT NULL) AS c
    JOIN relations r ON r.oid = c.attrelid
    CROSS JOIN term t
    WHERE c.options COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT 'column collation', r.nspname::text, r.relname || '.' || c.attname, r.kind, o.collname::text, false
    FROM columns c
    JOIN pg_catalog.pg_collation o ON o.oid = c.attcollation AND o.collname NOT IN ('default', 'C')
    JOIN relations r ON r.oid = c.attrelid AND r.relkind NOT IN ('i', 'I')
    CROSS JOIN term t
    WHERE o.collname::text COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT 'storage parameters', r.nspname::text, r.relname::text, r.kind, r.options, false
    FROM (SELECT r.nspname, r.relname, r.kind, pg_catalog.array_to_string(r.reloptions, ', ') AS options FROM relations r WHERE r.reloptions IS NOT NULL) AS r, term t
    WHERE r.options COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT 'access method', r.nspname::text, r.relname::text, r.kind, m.amname::text, false
    FROM relations r
    JOIN pg_catalog.pg_am m ON m.oid = r.relam AND m.amname <> 'heap'
    CROSS JOIN term t
    WHERE r.relkind NOT IN ('i', 'I') AND NOT r.by_name AND m.amname::text COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT 'parent', r.nspname::text, r.relname::text, r.kind, pg_catalog.concat_ws(' ', 'INHERITS', m.relname), false
    FROM pg_catalog.pg_inherits i
    JOIN relations r ON r.oid = i.inhrelid AND NOT r.by_name AND r.relkind NOT IN ('i', 'I')
    JOIN relations m ON m.oid = i.inhparent AND m.by_name
    UNION ALL
    SELECT 'table type', r.nspname::text, r.relname::text, r.kind, pg_catalog.concat_ws(' ', 'OF', pg_catalog.format_type(r.reloftype, NULL)), false
    FROM relations r
    WHERE r.reloftype <> 0 AND NOT r.by_name AND r.reloftype IN (SELECT y.oid FROM types y)
    UNION ALL
    SELECT 'tablespace', r.nspname::text, r.relname::text, r.kind, pg_catalog.concat_ws(' ', 'TABLESPACE', s.spcname), false
    FROM pg_catalog.pg_tablespace s
    JOIN relations r ON r.reltablespace = s.oid AND NOT r.by_name
    CROSS JOIN term t
    WHERE s.spcname::text COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT x.what, x.nspname::text, x.relname::text, x.kind, x.definition, x.is_locked
    FROM (SELECT 'partition bound' AS what, r.nspname, r.relname, r.kind, l.oid IS NOT NULL AS is_locked,
                 CASE WHEN l.oid IS NULL AND pg_catalog.has_table_privilege(r.oid, 'SELECT') IS NOT NULL THEN pg_catalog.pg_get_expr(r.relpartbound, r.oid) END AS definition
          FROM relations r
          LEFT JOIN locked l ON l.oid = r.oid
          WHERE r.relpartbound IS NOT NULL AND NOT r.by_name AND r.relkind NOT IN ('i', 'I')
          UNION ALL
          SELECT 'partition key', r.nspname, r.relname, r.kind, l.oid IS NOT NULL OR e.objid IS NOT NULL,
                 CASE WHEN l.oid IS NULL AND e.objid IS NULL AND pg_catalog.has_table_privilege(r.oid, 'SELECT') IS NOT NULL THEN pg_catalog.pg_get_partkeydef(r.oid) END
          FROM relations r
          LEFT JOIN locked l ON l.oid = r.oid
          LEFT JOIN entangled e ON e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = r.oid
          WHERE r.relkind = 'p' AND NOT r.by_name) AS x, term t
    WHERE x.definition COLLATE pg_catalog."default" ~* t.re OR (x.is_locked AND t.re IS NOT NULL)
    UNION ALL
    SELECT 'column default', r.nspname::text, r.relname || '.' || x.attname, r.kind, x.definition, x.is_locked
    -- The default of an ordinary column refers to no other column, so it is written out without opening, and locking, the table.
    FROM (SELECT d.adrelid, a.attname,
                 e.objid IS NOT NULL AS is_locked, -- pg..11
                 CASE WHEN e.objid IS NULL THEN pg_catalog.pg_get_expr(d.adbin, 0) END AS definition -- pg..11
                 e.objid IS NOT NULL OR (a.attgenerated <> '' AND (l.oid IS NOT NULL OR b.objid IS NOT NULL)) AS is_locked, -- pg12..
                 CASE WHEN e.objid IS NOT NULL THEN NULL -- pg12..
                      WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, 0) -- pg12..
                      WHEN l.oid IS NULL AND b.objid IS NULL AND pg_catalog.has_table_privilege(d.adrelid, 'SELECT') IS NOT NULL -- pg12..
                      THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END AS definition -- pg12..
          FROM pg_catalog.pg_attrdef d
          JOIN term t ON t.re IS NOT NULL
          JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
          LEFT JOIN locked l ON l.oid = d.adrelid
          LEFT JOIN blocked b ON b.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND b.objid = d.oid
          LEFT JOIN entangled e ON e.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND e.objid = d.oid
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
    SELECT 'index definition', r.nspname::text, r.relname::text, r.kind, x.definition, x.is_locked
    FROM (SELECT i.indexrelid,
                 (l.oid IS NOT NULL OR e.objid IS NOT NULL) AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) AS is_locked,
                 CASE WHEN l.oid IS NULL AND e.objid IS NULL AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
                           AND pg_catalog.has_table_privilege(i.indrelid, 'SELECT') IS NOT NULL
                      THEN pg_catalog.pg_get_indexdef(i.indexrelid) END AS definition
          FROM pg_catalog.pg_index i
          JOIN term t ON t.re IS NOT NULL
          LEFT JOIN locked l ON l.oid = i.indexrelid
          LEFT JOIN entangled e ON e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = i.indexrelid) x
    JOIN relations r ON r.oid = x.indexrelid AND NOT r.by_name
    CROSS JOIN term t
    WHERE x.is_locked
       OR x.definition COLLATE pg_catalog."default" ~* t.re
       OR x.indexrelid IN (SELECT i.oid FROM named_indexes i)
    UNION ALL
    SELECT CASE WHEN x.by_name THEN 'constraint' ELSE 'constraint definition' END,
           r.nspname::text, r.relname || '.' || x.conname,
           CASE x.contype WHEN 'c' THEN 'check constraint' WHEN 'f' THEN 'foreign key' WHEN 'p' THEN 'primary key'
                WHEN 'u' THEN 'unique constraint' WHEN 'x' THEN 'exclusion constraint' WHEN 't' THEN 'constraint trigger' WHEN 'n' THEN 'not-null constraint' ELSE 'constraint' END,
           x.definition, x.is_locked
    FROM (SELECT c.oid, c.conrelid, c.confrelid, c.conname, c.contype,
                 c.conname::text COLLATE pg_catalog."default" ~* t.re AS by_name,
                 (l.oid IS NOT NULL OR b.objid IS NOT NULL) AND c.contype IN ('c', 'x') AS is_locked,
                 -- The check that was written out for all equal ones may have been dropped meanwhile.
                 CASE WHEN s.definition IS NOT NULL THEN s.definition
                      WHEN l.oid IS NULL AND b.objid IS NULL AND c.contype IN ('c', 'x')
                           AND pg_catalog.has_table_privilege(c.conrelid, 'SELECT') IS NOT NULL
                      THEN pg_catalog.pg_get_constraintdef(c.oid) END AS definition
          FROM pg_catalog.pg_constraint c
          JOIN term t ON t.re IS NOT NULL
          LEFT JOIN checks k ON k.oid = c.oid
          LEFT JOIN check_definitions s ON s.oid = k.same
          LEFT JOIN locked l ON l.oid = c.conrelid
          LEFT JOIN blocked b ON b.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND b.objid = c.oid
          -- A not-null constraint with the name that the server gives it is left out: the table and the column are listed already.
          -- In that name the server cuts long parts, so of these only the ending is compared.
          LEFT JOIN pg_catalog.pg_class o ON o.oid = c.conrelid AND c.contype = 'n'
          LEFT JOIN pg_catalog.pg_attribute n ON n.attrelid = c.conrelid AND n.attnum = c.conkey[1] AND c.contype = 'n'
          WHERE c.conrelid <> 0
            AND (c.contype <> 'n'
                 OR CASE WHEN pg_catalog.octet_length(o.relname::text) + pg_catalog.octet_length(n.attname::text) < 50
                         THEN pg_catalog.rtrim(c.conname::text, '0123456789') <> pg_catalog.concat_ws('_', o.relname, n.attname, 'not_null')
                         ELSE c.conname !~ '_not_null[0-9]*$' END)) x
    JOIN relations r ON r.oid = x.conrelid
    LEFT JOIN relations f ON f.oid = x.confrelid
    CROSS JOIN term t
    WHERE x.by_name OR x.is_locked OR f.by_name
       OR x.definition COLLATE pg_catalog."default" ~* t.re
       OR x.oid IN (SELECT c.oid FROM named_constraints c)
    UNION ALL
    SELECT CASE WHEN x.by_name THEN 'constraint' ELSE 'constraint definition' END,
           n.nspname::text, y.typname || '.' || x.conname, 'check constraint', x.definition, x.is_locked
    FROM (SELECT c.contypid, c.conname, c.conname::text COLLATE pg_catalog."default" ~* t.re AS by_name, e.objid IS NOT NULL AS is_locked,
                 CASE WHEN e.objid IS NULL AND pg_catalog.has_type_privilege(c.contypid, 'USAGE') IS NOT NULL THEN pg_catalog.pg_get_constraintdef(c.oid) END AS definition
          FROM pg_catalog.pg_constraint c
          JOIN term t ON t.re IS NOT NULL
          LEFT JOIN entangled e ON e.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND e.objid = c.oid
          WHERE c.contypid <> 0) x
    JOIN pg_catalog.pg_type y ON y.oid = x.contypid
    JOIN namespaces n ON n.oid = y.typnamespace
    CROSS JOIN term t
    WHERE x.by_name OR x.is_locked OR x.definition COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT CASE WHEN x.by_name THEN 'trigger' ELSE 'trigger definition' END,
           r.nspname::text, r.relname || '.' || x.tgname, 'trigger', x.definition, x.is_locked
    FROM (SELECT g.tgrelid, g.tgname, g.tgname::text COLLATE pg_catalog."default" ~* t.re AS by_name,
                 l.oid IS NOT NULL OR b.objid IS NOT NULL AS is_locked,
                 CASE WHEN l.oid IS NULL AND b.objid IS NULL AND pg_catalog.has_table_privilege(g.tgrelid, 'SELECT') IS NOT NULL
                      THEN pg_catalog.pg_get_triggerdef(g.oid) END AS definition
          FROM pg_catalog.pg_trigger g
          JOIN term t ON t.re IS NOT NULL
          LEFT JOIN locked l ON l.oid = g.tgrelid
          LEFT JOIN blocked b ON b.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND b.objid = g.oid
          WHERE NOT g.tgisinternal) x
    JOIN relations r ON r.oid = x.tgrelid
    CROSS JOIN term t
    WHERE x.by_name OR x.is_locked OR x.definition COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT CASE WHEN x.by_name THEN 'statistics' ELSE 'statistics definition' END, n.nspname::text, x.stxname::text, 'statistics', x.definition, x.is_locked
    FROM (SELECT o.stxnamespace, o.stxname, o.stxname::text COLLATE pg_catalog."default" ~* t.re AS by_name,
                 l.oid IS NOT NULL OR b.objid IS NOT NULL AS is_locked,
                 CASE WHEN l.oid IS NULL AND b.objid IS NULL AND pg_catalog.has_table_privilege(o.stxrelid, 'SELECT') IS NOT NULL
                      THEN pg_catalog.pg_get_statisticsobjdef(o.oid) END AS definition
          FROM pg_catalog.pg_statistic_ext o
          JOIN term t ON t.re IS NOT NULL
          LEFT JOIN locked l ON l.oid = o.stxrelid
          LEFT JOIN blocked b ON b.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass AND b.objid = o.oid) x
    JOIN namespaces n ON n.oid = x.stxnamespace
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
                      THEN pg_catalog.concat_ws(' ', 'TO ' || (SELECT pg_catalog.string_agg(r.rolname, ', ' ORDER BY r.rolname) FROM pg_catalog.pg_roles r WHERE r.oid = ANY (p.polroles)),
                                                'USING (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')',
                                                'WITH CHECK (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')') END AS definition
          FROM pg_catalog.pg_policy p
          JOIN term t ON t.re IS NOT NULL
          LEFT JOIN locked l ON l.oid = p.polrelid
          LEFT JOIN blocked b ON b.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND b.objid = p.oid) x
    JOIN relations r ON r.oid = x.polrelid
    CROSS JOIN term t
    WHERE x.by_name OR x.is_locked OR x.definition COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT 'enum label', n.nspname::text, y.typname::text, 'enum', e.enumlabel::text, false
    FROM pg_catalog.pg_enum e
    JOIN pg_catalog.pg_type y ON y.oid = e.enumtypid
    JOIN namespaces n ON n.oid = y.typnamespace
    CROSS JOIN term t
    WHERE e.enumlabel::text COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT CASE WHEN o.name COLLATE pg_catalog."default" ~* t.re THEN CASE WHEN o.kind IN ('enum', 'domain', 'range', 'multirange', 'base type') THEN 'type' ELSE o.kind END
                WHEN o.kind IN ('enum', 'domain', 'range', 'multirange', 'base type') THEN 'type definition'
                WHEN o.kind IN ('database setting', 'role setting') THEN o.kind
                ELSE o.kind || ' definition' END,
           o.schema, o.name, o.kind, o.definition, false
    FROM others o, term t
    WHERE o.name COLLATE pg_catalog."default" ~* t.re OR o.definition COLLATE pg_catalog."default" ~* t.re
    UNION ALL
    SELECT 'comment', n.nspname::text, o.name || coalesce('.' || a.attname, ''), CASE WHEN c.objsubid <> 0 THEN o.kind || ' column' ELSE o.kind END, c.description, false
    FROM commented c
    JOIN objects o ON o.classid = c.classid AND o.objid = c.objid
    LEFT JOIN pg_catalog.pg_namespace n ON n.oid = o.schema
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.objid AND a.attnum = c.objsubid AND c.objsubid <> 0
                                       AND c.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
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
               ELSE NULLIF(f.detail, '')
           END AS detail
    FROM found f
    WHERE f.name IS NOT NULL
)
SELECT s.found_in, s.schema, s.name, s.kind, s.detail
FROM shown s
ORDER BY s.schema COLLATE "C" NULLS LAST, s.name COLLATE "C", s.found_in COLLATE "C", s.kind COLLATE "C", s.detail COLLATE "C"
