-- Releases the claim on a job, if its lock is free, or the hold on it: $1 job. If no run of the job has ever ended, the job becomes
-- due now, because crontabber never takes a row without next_run.
WITH had AS (
    SELECT c.ongoing, r.id, r.state, r.host, r.started
    FROM :"schema".crontabber c
    LEFT JOIN :"schema".pgkit_run r ON r.app_name = c.app_name AND r.claim = c.ongoing
                                   AND r.state IN ('running', 'held') AND r.state <> 'succeeded'
    WHERE c.app_name = $1 AND c.ongoing IS NOT NULL
), run AS (
    UPDATE :"schema".pgkit_run SET state = 'interrupted', error_type = 'interrupted',
        message = pg_catalog.concat_ws('; ', message, 'unlocked')
    WHERE id IN (SELECT id FROM had)
), freed AS (
    UPDATE :"schema".crontabber SET ongoing = NULL, next_run = coalesce(next_run, ongoing)
    WHERE app_name = $1 AND EXISTS (SELECT FROM had)
)
SELECT pg_catalog.json_build_object('ongoing', had.ongoing, 'state', had.state, 'host', had.host) FROM had
