        CASE
            -- A pattern that names a schema searches that schema, even a system schema.
            WHEN $2 IS NOT NULL THEN EXISTS (
                SELECT FROM patterns x
                WHERE CASE WHEN x.schema_regex IS NULL THEN n.of_users OR $3 ELSE n.nspname ~ (x.schema_regex COLLATE "default") END
                  AND c.relname ~ (x.name_regex COLLATE "default"))
            ELSE n.of_users OR $3
        END
