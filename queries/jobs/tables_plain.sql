-- The same tables and indexes as in tables.sql, and whether each is plain: nothing that could belong to another role is attached
-- to it, so tables.sql, which takes several times as long, would find no fault. A table that is not plain may still be without
-- fault.
WITH trusted AS (
    SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolsuper OR r.rolname = CURRENT_USER OR r.rolname = $3
)
SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind, c.oid::int8 AS oid,
       pg_catalog.concat_ws(':', c.oid, c.xmin, n.xmin) AS shape,
       ARRAY(SELECT pg_catalog.concat(a.attname, ' ', pg_catalog.format_type(a.atttypid, NULL))
             FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             ORDER BY a.attnum) AS columns,
       -- Triggers and foreign keys both set relhastriggers.
       coalesce(NOT c.relhastriggers AND NOT c.relhasrules AND NOT c.relrowsecurity AND NOT c.relhassubclass AND NOT c.relispartition
       AND c.relacl IS NULL
       AND c.relowner IN (SELECT t.oid FROM trusted t)
       -- pg_database_owner stands for whoever owns the database.
       AND CASE WHEN pg_catalog.pg_get_userbyid(n.nspowner) = 'pg_database_owner'
                THEN (SELECT d.datdba FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
                ELSE n.nspowner END IN (SELECT t.oid FROM trusted t)
       -- Objects that initdb has created have OIDs below 16384, and belong to a superuser.
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
                       WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attnum > 0
                         AND (a.atttypid::int8 >= 16384 OR a.attacl IS NOT NULL))
       -- Every default, constraint, index and policy of a table depends on it.
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend own
                       WHERE own.refclassid = 'pg_catalog.pg_class'::regclass AND own.refobjid = c.oid
                         AND (own.classid = 'pg_catalog.pg_policy'::regclass
                              OR EXISTS (SELECT FROM pg_catalog.pg_depend d
                                         WHERE d.classid = own.classid AND d.objid = own.objid AND d.refobjid <> c.oid
                                           AND d.refobjid::int8 >= 16384
                                           AND d.refclassid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass,
                                                                'pg_catalog.pg_opclass'::regclass, 'pg_catalog.pg_type'::regclass,
                                                                'pg_catalog.pg_class'::regclass)
                                           AND NOT (d.refclassid = 'pg_catalog.pg_class'::regclass
                                                    AND EXISTS (SELECT FROM pg_catalog.pg_class used
                                                                WHERE used.oid = d.refobjid AND used.relowner = c.relowner
                                                                  AND used.relkind = 'S')))))
       , false) AS plain
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = ANY ($1)
  AND CASE WHEN $2 IS NULL THEN EXISTS (SELECT FROM pg_catalog.pg_class one
                                        WHERE one.relnamespace = n.oid AND one.relname = 'crontabber')
           ELSE n.nspname = $2 END
ORDER BY n.nspname, c.relname
