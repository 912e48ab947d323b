-- Every record of logging switched on, one per line, and the server's clock: shows any session that one is overdue. The
-- server's own record is found in its setting, those of databases and roles in the catalog. Owners can write anything there, so
-- whatever is longer than any record is left out.
SELECT pg_catalog.left(pg_catalog.concat_ws(
           pg_catalog.chr(10),
           pg_catalog.left(pg_catalog.current_setting('pgkit.log', true), 20000),
           (SELECT pg_catalog.string_agg(pg_catalog.substr(c.item, 11), pg_catalog.chr(10))
            FROM pg_catalog.pg_db_role_setting s
            CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (item)
            WHERE pg_catalog.left(c.item, 10) = 'pgkit.log='
              AND pg_catalog.length(c.item) < 20000)), 400000) AS note,
       pg_catalog.date_part('epoch', pg_catalog.now()) AS now
