-- Records that the owner of an attempt holds its lock again. $1 attempt's id, $2 its mark.
UPDATE :"schema".pgkit_run SET seen_free_at = NULL
WHERE id = $1::int8 AND mark = $2::text AND seen_free_at IS NOT NULL
