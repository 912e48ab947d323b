    UNION ALL
    SELECT c.oid, i.inhparent, p.relispartition
    FROM climbed c
    JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.top
    JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
    WHERE c.is_partition
