WITH RECURSIVE patterns (schema_regex, name_regex) AS (
    SELECT p.schema_regex, p.name_regex
    FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS p (schema_regex, name_regex)
    -- So that an invalid regular expression is an error even if no schema matches.
    WHERE (''::text ~ p.name_regex) IS NOT NULL
