-- What pg_dump has to lock in this database, in one transaction: tables itself, sequences when it reads where they are, and
-- what views stand on when their text is made. And roughly how many large objects there are, each of which it lists.
SELECT (SELECT pg_catalog.count(*)
        FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'S', 'v', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema') AS relations,
       pg_catalog.pg_relation_size('pg_catalog.pg_largeobject_metadata') / 8192 * 150 AS large_objects
