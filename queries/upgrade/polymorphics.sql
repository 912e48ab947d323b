-- Aggregates and operators of one's own on functions of the system that take anyarray and anyelement before 14, and
-- anycompatiblearray and anycompatible from then on. From pg_upgrade's check.c (check_for_incompatible_polymorphics).
WITH moved AS (
    SELECT p.oid
    FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace AND p.oid < 16384
      AND p.proname IN ('array_append', 'array_cat', 'array_prepend', 'array_remove', 'array_replace', 'array_position',
                        'array_positions', 'width_bucket')
      AND 'pg_catalog.anyarray'::pg_catalog.regtype = ANY (p.proargtypes::pg_catalog.oid[])
), found AS (
    SELECT 'AGGREGATE' AS kind,
           pg_catalog.format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) AS name
    FROM pg_catalog.pg_aggregate a
    JOIN pg_catalog.pg_proc p ON p.oid = a.aggfnoid
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE p.oid >= 16384
      AND a.aggtranstype IN ('pg_catalog.anyarray'::pg_catalog.regtype, 'pg_catalog.anyelement'::pg_catalog.regtype)
      AND (a.aggtransfn IN (SELECT m.oid FROM moved m) OR a.aggfinalfn IN (SELECT m.oid FROM moved m))
    UNION ALL
    SELECT 'OPERATOR', pg_catalog.format('%I.%s (%s, %s)', n.nspname, o.oprname,
                                         CASE o.oprleft WHEN 0 THEN 'NONE' ELSE pg_catalog.format_type(o.oprleft, NULL) END,
                                         CASE o.oprright WHEN 0 THEN 'NONE' ELSE pg_catalog.format_type(o.oprright, NULL) END)
    FROM pg_catalog.pg_operator o
    JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
    WHERE o.oid >= 16384
      AND o.oprleft IN ('pg_catalog.anyarray'::pg_catalog.regtype, 'pg_catalog.anyelement'::pg_catalog.regtype)
      AND o.oprcode IN (SELECT m.oid FROM moved m)
)
SELECT 'stops' AS severity,
       pg_catalog.current_database()::text AS database,
       pg_catalog.lower(f.kind) || ' ' || f.name AS object,
       'stands on a function of the system whose argument types changed' AS problem,
       'drop it, and make it again after the upgrade with anycompatiblearray and anycompatible' AS fix,
       'in 14 array_append and its like take anycompatible types, so its definition cannot be restored' AS why,
       pg_catalog.format('DROP %s %s;', f.kind, f.name) AS sql,
       pg_catalog.current_database()::text AS run_in,
       true AS choice
FROM found f
ORDER BY 3
