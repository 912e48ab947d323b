-- Locks a job's row, or fails at once with 55P03. Only who has the job's lock does: else of two at once each could have one of
-- them. A row with a claim of crontabber's is not locked until the claim is $2 seconds old, because a crontabber that finds its row
-- locked when the job has ended gives up, and leaves its claim for good.
SELECT true
FROM :"schema".crontabber c
WHERE c.app_name = $1::text AND pg_catalog.current_setting('pgkit.lock'::text)::bool
  AND (c.ongoing IS NULL
       OR pg_catalog.date_part('epoch'::text, pg_catalog.clock_timestamp()) - pg_catalog.date_part('epoch'::text, c.ongoing)
          >= $2::text::float8
       OR EXISTS (SELECT FROM :"schema".pgkit_run r
                  WHERE r.app_name = $1 AND r.state = ANY (ARRAY['running', 'held']::text[]) AND r.state <> 'succeeded'::text
                    AND r.claim = c.ongoing))
FOR UPDATE OF c NOWAIT
