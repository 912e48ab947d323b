-- Deletes the copied output of attempts that nobody watches any more. Does not wait for locks of other sessions.
DELETE FROM :"schema".pgkit_output
WHERE run IN (SELECT o.run FROM :"schema".pgkit_output o
              WHERE o.watched_until < pg_catalog.clock_timestamp() - '1 minute'::interval
              FOR UPDATE SKIP LOCKED)
