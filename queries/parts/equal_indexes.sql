), ranked AS (
    -- Among equal indexes, the one to keep comes first: one that cannot be dropped, then one that enforces more than the others.
    SELECT i.*, a.class, d.names AS dependents,
           pg_catalog.row_number() OVER (
               PARTITION BY a.class
               ORDER BY i.is_primary DESC, i.parent IS NOT NULL OR d.names IS NOT NULL OR i.is_identity DESC, i.con IS NOT NULL DESC,
                        i.is_unique DESC, i.is_immediate DESC, i.is_clustered DESC, i.oid) AS place
    FROM alike a
    JOIN indexes i ON i.oid = a.oid
    -- What depends on the index, so that dropping it fails: foreign keys to it, and views that group by a primary key.
    LEFT JOIN LATERAL (
        SELECT pg_catalog.string_agg(DISTINCT coalesce('foreign key ' || pg_catalog.quote_ident(f.conname), pg_catalog.pg_describe_object(x.classid, x.objid, 0)), ', ') AS names
        FROM pg_catalog.pg_depend x
        LEFT JOIN pg_catalog.pg_constraint f ON x.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND f.oid = x.objid
        WHERE x.deptype = 'n'
          AND ((x.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND x.refobjid = i.oid)
               OR (x.refclassid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND x.refobjid = i.con))
    ) AS d ON true
