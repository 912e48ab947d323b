-- The one row that says what the tables belong to.
SELECT version, system_identifier::text AS system_identifier, timeline FROM :"schema".pgkit_meta
