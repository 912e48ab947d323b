-- Removes what was shown of attempts that nobody watches any more. It waits for no other session.
DELETE FROM :"schema".pgkit_output
WHERE run IN (SELECT o.run FROM :"schema".pgkit_output o
              WHERE o.watched_until < pg_catalog.clock_timestamp() - '1 minute'::interval
              FOR UPDATE SKIP LOCKED)
