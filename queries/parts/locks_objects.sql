), names AS (
    -- Of this database only can names be known, and not of what another transaction has just made.
    SELECT c.oid, n.name,
           CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                          WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' WHEN 'i' THEN 'index' WHEN 'I' THEN 'partitioned index'
                          WHEN 't' THEN 'TOAST table' ELSE 'relation' END AS kind
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
    CROSS JOIN LATERAL (SELECT pg_catalog.quote_ident(s.nspname) || '.' || pg_catalog.quote_ident(c.relname)) AS n (name)
    WHERE c.oid IN (SELECT l.relation FROM locks l WHERE l.locktype IN ('relation', 'extend', 'page', 'tuple'))
), objects AS (
    SELECT w.waiter,
           CASE w.locktype
               WHEN 'relation' THEN coalesce(r.kind || ' ' || r.name, 'relation ' || w.relation::text)
               WHEN 'extend' THEN 'end of ' || coalesce(r.kind || ' ' || r.name, 'relation ' || w.relation::text)
               WHEN 'page' THEN 'page ' || w.page::text || ' of ' || coalesce(r.kind || ' ' || r.name, 'relation ' || w.relation::text)
               WHEN 'tuple' THEN 'row (' || w.page::text || ',' || w.tuple::text || ') of ' || coalesce(r.name, 'relation ' || w.relation::text)
               -- Who waits for a transaction because of a row holds that row's lock meanwhile.
               WHEN 'transactionid' THEN 'transaction ' || w.transactionid::text || coalesce(', row (' || t.page::text || ',' || t.tuple::text || ') of ' || coalesce(tr.name, 'relation ' || t.relation::text), '')
               WHEN 'virtualxid' THEN 'virtual transaction ' || w.virtualxid
               WHEN 'spectoken' THEN 'insertion ' || w.objid::text || ' of transaction ' || w.transactionid::text
               WHEN 'applytransaction' THEN 'remote transaction ' || w.transactionid::text || ' of subscription ' || w.classid::text
               WHEN 'frozenid' THEN 'frozen transaction numbers'
               WHEN 'SafeSnapshot' THEN 'safe snapshot'
               WHEN 'RecoveryConflictSnapshot' THEN 'row versions that a snapshot may see'
               WHEN 'advisory' THEN 'advisory lock ' || CASE w.objsubid
                   WHEN 1 THEN ((w.classid::int8 << 32) | w.objid::int8)::text
                   ELSE '(' || w.classid::int8::bit(32)::int4::text || ', ' || w.objid::int8::bit(32)::int4::text || ')' END
               WHEN 'object' THEN CASE
                   WHEN w.classid = 'pg_catalog.pg_database'::regclass AND w.objid = 0 THEN 'queue of notifications'
                   ELSE coalesce(
                       (SELECT 'schema ' || pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_namespace n WHERE w.classid = 'pg_catalog.pg_namespace'::regclass AND n.oid = w.objid AND o.here),
                       (SELECT 'type ' || pg_catalog.format_type(t.oid, NULL) FROM pg_catalog.pg_type t WHERE w.classid = 'pg_catalog.pg_type'::regclass AND t.oid = w.objid AND o.here),
                       (SELECT 'function ' || f.oid::pg_catalog.regprocedure::text FROM pg_catalog.pg_proc f WHERE w.classid = 'pg_catalog.pg_proc'::regclass AND f.oid = w.objid AND o.here),
                       (SELECT 'extension ' || pg_catalog.quote_ident(e.extname) FROM pg_catalog.pg_extension e WHERE w.classid = 'pg_catalog.pg_extension'::regclass AND e.oid = w.objid AND o.here),
                       (SELECT 'database ' || pg_catalog.quote_ident(d.datname) FROM pg_catalog.pg_database d WHERE w.classid = 'pg_catalog.pg_database'::regclass AND d.oid = w.objid),
                       (SELECT 'role ' || pg_catalog.quote_ident(u.rolname) FROM pg_catalog.pg_roles u WHERE w.classid = 'pg_catalog.pg_authid'::regclass AND u.oid = w.objid),
                       (SELECT 'tablespace ' || pg_catalog.quote_ident(s.spcname) FROM pg_catalog.pg_tablespace s WHERE w.classid = 'pg_catalog.pg_tablespace'::regclass AND s.oid = w.objid),
                       'object ' || w.objid::text || ' of ' || coalesce((SELECT c.relname::text FROM pg_catalog.pg_class c WHERE c.oid = w.classid), 'class ' || w.classid::text)) END
               ELSE w.tag
           END || CASE WHEN NOT o.here THEN ' of database ' || coalesce(pg_catalog.quote_ident(o.datname), o.database::text) ELSE '' END AS object
    FROM waits w
    LEFT JOIN (
        SELECT DISTINCT ON (l.pid) l.pid, l.database, l.relation, l.page, l.tuple
        FROM locks l
        WHERE l.locktype = 'tuple' AND l.granted
        ORDER BY l.pid, l.relation, l.page, l.tuple
    ) AS t ON t.pid = w.pid AND w.locktype = 'transactionid'
    CROSS JOIN LATERAL (
        SELECT x.database, d.datname, x.database IS NULL OR x.database = 0 OR d.datname = pg_catalog.current_database() AS here
        FROM (SELECT coalesce(w.database, t.database) AS database) AS x
        LEFT JOIN pg_catalog.pg_database d ON d.oid = x.database
    ) AS o
    LEFT JOIN names r ON r.oid = w.relation AND o.here
    LEFT JOIN names tr ON tr.oid = t.relation AND o.here
