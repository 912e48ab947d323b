-- Ends the watch of an attempt, unless somebody else watches it too: $1 attempt's id, $2 until when this session has asked for
-- its output (NULL: the attempt has ended, so nobody does).
DELETE FROM :"schema".pgkit_output
WHERE run = $1::int8 AND ($2::text IS NULL OR watched_until <= $2::text::timestamptz)
