-- Which of these advisory locks ($1, as texts) somebody holds in this database.
SELECT wanted.key AS key
FROM pg_catalog.unnest($1) AS wanted (key)
JOIN pg_catalog.pg_locks l ON l.locktype OPERATOR(pg_catalog.=) 'advisory'::text AND l.granted
 AND l.objsubid OPERATOR(pg_catalog.=) 1::int2
 AND l.database OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database d
                                        WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
 AND (l.classid::int8 OPERATOR(pg_catalog.<<) 32) OPERATOR(pg_catalog.|) l.objid::int8
     OPERATOR(pg_catalog.=) wanted.key::int8
