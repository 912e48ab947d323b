-- Copies the output of a watched attempt: $1 attempt's id, $2 head (NULL: unchanged), $3 tail, $4 total number of
-- bytes.
UPDATE :"schema".pgkit_output
SET head = coalesce($2::bytea, head), tail = $3::bytea, bytes = $4::int8
WHERE run = $1::int8
