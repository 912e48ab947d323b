-- The keys of the advisory locks that are held in this database.
held AS (
    SELECT coalesce(pg_catalog.array_agg((l.classid::int8 << 32) | l.objid::int8), '{}'::int8[]) AS keys
    FROM pg_catalog.pg_locks l
    WHERE l.locktype = 'advisory'::text AND l.granted AND l.objsubid = 1::int2
      AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
)
