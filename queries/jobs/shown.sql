-- Removes what was shown of attempts that have ended: $1 their ids.
DELETE FROM :"schema".pgkit_output WHERE run = ANY ($1::int8[])
