-- What the decision about a job depends on, read while its row is locked: $1 the job, $2 its parents, $3 whether the dates that
-- were done beyond its last success are wanted, $4 a date to check for success.
SELECT pg_catalog.row_to_json(known)
FROM (
    SELECT CASE WHEN c.app_name IS NOT NULL THEN
               (SELECT pg_catalog.row_to_json(own)
                FROM (SELECT c.next_run, c.first_run, c.last_run, c.last_success, c.ongoing,
                             coalesce(c.last_error::text NOT IN ('{}', 'null'), false) AS failed) own)
           END AS row,
           coalesce(c.error_count, 0) AS error_count, pg_catalog.clock_timestamp() AS now, j.first_seen,
           coalesce(j.paused IS NOT NULL, false) AS paused, j.done_through,
           CASE WHEN $3::bool THEN
               ARRAY(SELECT r.run_date
                     FROM :"schema".pgkit_run r
                     WHERE r.app_name = $1::text AND r.state = 'succeeded'
                       AND r.run_date >
                           -- As in snapshot.sql, a time that is far in the future is ignored.
                           CASE WHEN coalesce(c.last_success, j.first_seen) > pg_catalog.now() + '10 minutes'::interval
                                THEN coalesce((SELECT pg_catalog.max(p.run_date)
                                               FROM :"schema".pgkit_run p
                                               WHERE p.app_name = $1 AND p.state = 'succeeded'
                                                 AND p.run_date <= pg_catalog.now()) - '00:00:00.000001'::interval,
                                              '-infinity')
                                ELSE coalesce(c.last_success, j.first_seen, '-infinity') END)
           ELSE '{}' END AS done,
           CASE WHEN $4::timestamptz IS NOT NULL THEN
               EXISTS (SELECT FROM :"schema".pgkit_run r
                       WHERE r.app_name = $1 AND r.run_date = $4 AND r.state = 'succeeded')
               OR coalesce($4 <= j.done_through, false)
           ELSE false END AS date_done,
           CASE WHEN c.ongoing IS NOT NULL THEN
               (SELECT pg_catalog.row_to_json(claim)
                FROM (SELECT r.id, r.state, r.run_date, r.seen_free_at, r.host, r.uid, r.boot_id,
                             r.pid_namespace, r.guard_pid, r.guard_ticks, r.leader_pid, r.leader_ticks, r.started,
                             r.mark,
                             -- include left_s
                             AS left_s
                      FROM :"schema".pgkit_run r
                      WHERE r.app_name = $1 AND r.state IN ('running', 'held') AND r.state <> 'succeeded'
                        AND r.claim = c.ongoing
                      ORDER BY r.id DESC
                      LIMIT 1) claim)
           END AS claim,
           CASE WHEN pg_catalog.cardinality($2::text[]) > 0 THEN
               (SELECT pg_catalog.json_object_agg(p.app_name, (
                    SELECT pg_catalog.row_to_json(parent)
                    FROM (SELECT p.next_run, p.first_run, p.last_run, p.last_success, p.ongoing,
                                 coalesce(p.last_error::text NOT IN ('{}', 'null'), false) AS failed) parent))
                FROM :"schema".crontabber p
                WHERE p.app_name = ANY ($2))
           END AS parents,
           (SELECT least(greatest(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())
                                  - pg_catalog.date_part('epoch', m.changed_at), '-1e9'::float8), '1e9'::float8)
            FROM :"schema".pgkit_meta m
            WHERE m.changed_at IS NOT NULL) AS changed_s
    FROM (SELECT) AS one
    LEFT JOIN :"schema".crontabber c ON c.app_name = $1
    LEFT JOIN :"schema".pgkit_job j ON j.app_name = $1
) AS known
