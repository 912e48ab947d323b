-- The owner of an attempt has its lock again. $1 attempt's id.
UPDATE :"schema".pgkit_run SET seen_free_at = NULL WHERE id = $1::int8 AND seen_free_at IS NOT NULL
