-- A text sent there and back: the server refuses it (22P05) if the encoding of the database lacks one of its characters.
SELECT $1::pg_catalog.text
