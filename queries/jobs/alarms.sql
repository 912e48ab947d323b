-- Records alarms, so that only one of all runners notifies people of each: $1 jobs, $2 kinds, $3 since when, $4 this
-- machine. Removes alarms that are over: those of jobs $5 and kinds $6 that began before the instants $7. Returns the
-- alarms that were not recorded before, and those that are over.
WITH gone AS (
    DELETE FROM :"schema".pgkit_alarm a
    USING ROWS FROM (pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7)) AS o (name, kind, ended)
    WHERE a.app_name = o.name AND a.kind = o.kind AND a.since < o.ended::timestamptz
    RETURNING a.app_name, a.kind
), new AS (
    INSERT INTO :"schema".pgkit_alarm AS made (app_name, kind, since, told, host)
    SELECT n.name, n.kind, n.since::timestamptz, pg_catalog.clock_timestamp(), $4
    FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS n (name, kind, since)
    ORDER BY n.name, n.kind
    ON CONFLICT (app_name, kind) DO NOTHING
    RETURNING made.app_name, made.kind
)
SELECT pg_catalog.json_build_object('name', c.app_name, 'kind', c.kind, 'is_over', c.is_over)
FROM (SELECT n.app_name, n.kind, false AS is_over FROM new n
      UNION ALL
      SELECT g.app_name, g.kind, true FROM gone g) AS c
ORDER BY c.app_name, c.kind
