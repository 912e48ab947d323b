-- Stops watching an attempt, unless another session watches it too: $1 attempt's id, $2 the watched_until that this
-- session has set (NULL: the attempt has ended, so no session needs the row).
DELETE FROM :"schema".pgkit_output
WHERE run = $1::int8 AND ($2::text IS NULL OR watched_until <= $2::text::timestamptz)
