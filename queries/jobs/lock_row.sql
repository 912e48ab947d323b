-- Locks the row of job $1, or fails at once with 55P03. Returns nothing if it did not lock the row. It does not if this session
-- has not taken the job's lock: otherwise, of two sessions, each could hold one of the two locks. Nor does it lock a row with a claim
-- of crontabber's that is younger than $2 seconds: a crontabber that finds its row locked at the end of the job gives up, and
-- leaves its claim behind.
SELECT true
FROM :"schema".crontabber c
WHERE c.app_name = $1::text AND pg_catalog.current_setting('pgkit.lock'::text)::bool
  AND (c.ongoing IS NULL
       OR pg_catalog.date_part('epoch'::text, pg_catalog.clock_timestamp()) - pg_catalog.date_part('epoch'::text, c.ongoing)
          >= $2::text::float8
       OR
-- include own_claim
      )
FOR UPDATE OF c NOWAIT
