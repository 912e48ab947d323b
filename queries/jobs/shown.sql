-- Deletes the copied output of attempts that have ended: $1 the attempts' ids.
DELETE FROM :"schema".pgkit_output WHERE run = ANY ($1::int8[])
