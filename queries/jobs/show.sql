-- Shows what a watched attempt has printed: $1 attempt's id, $2 head (NULL: as it was), $3 tail, $4 how many bytes in all.
UPDATE :"schema".pgkit_output
SET head = coalesce($2::bytea, head), tail = $3::bytea, bytes = $4::int8
WHERE run = $1::int8
