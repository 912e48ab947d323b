-- Every record of a switching on, one a line, and the server's clock: what tells any session that one is overdue. The
-- server's own record is seen by its setting, those of databases and roles by the catalog. The search path is the role's own.
SELECT pg_catalog.concat_ws(
           E'\n',
           pg_catalog.current_setting('pgkit.log', true),
           (SELECT pg_catalog.string_agg(pg_catalog.substr(c.item, 11), E'\n')
            FROM pg_catalog.pg_db_role_setting s
            CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (item)
            WHERE pg_catalog.left(c.item, 10) OPERATOR(pg_catalog.=) 'pgkit.log=')) AS note,
       pg_catalog.date_part('epoch', pg_catalog.now()) AS now
