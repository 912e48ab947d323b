-- include patterns
), lump (by_tree, by_name) AS (
    SELECT g.wanted AND coalesce($4, 'both') <> 'name', g.wanted AND (coalesce($4, 'both') <> 'tree' OR $5 IS NOT NULL)
    FROM (SELECT $3 OR $4 IS NOT NULL OR $5 IS NOT NULL) AS g (wanted)
), parents (inhrelid, inhparent) AS (
    -- A child of several parents counts once, under the first that it still has.
    SELECT DISTINCT ON (i.inhrelid) i.inhrelid, i.inhparent
    FROM pg_catalog.pg_inherits i
    WHERE (SELECT l.by_tree FROM lump l)
    ORDER BY i.inhrelid, i.inhseqno
), tree (oid, root_schema, root_name, root_kind) AS (
    SELECT c.oid, n.nspname, c.relname, c.relkind
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE (SELECT l.by_tree FROM lump l)
      AND c.oid IN (SELECT i.inhparent FROM pg_catalog.pg_inherits i)
      AND c.oid NOT IN (SELECT i.inhrelid FROM pg_catalog.pg_inherits i)
    UNION ALL
    SELECT i.inhrelid, t.root_schema, t.root_name, t.root_kind
    FROM tree t
    JOIN parents i ON i.inhparent = t.oid
-- include namespaces
), rooted AS (
    SELECT c.oid, n.nspname, n.of_users, c.relname, c.relkind, c.relpages, c.reltuples, c.reltoastrelid,
           c.relkind <> 'p' AND c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery() AS is_elsewhere,
           coalesce(t.root_schema, n.nspname) AS root_schema,
           coalesce(t.root_name, c.relname) AS root_name,
           coalesce(t.root_kind, c.relkind) AS root_kind
    FROM pg_catalog.pg_class c
    JOIN namespaces n ON n.oid = c.relnamespace
    LEFT JOIN tree t ON t.oid = c.oid
    WHERE c.relkind IN ('r', 'p', 'm', 'f')
), named AS (
    -- A name before a suffix of a date or of a number, in the forms that people and partition tools write.
    SELECT r.root_schema, r.root_name,
           pg_catalog.substring(r.root_name::text COLLATE pg_catalog."default", '(?i)^(.+?)[-_. ]+(?:[py]?[0-9]+(?:[-_. ]?[mqwdth]?[0-9]+)*|(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)[-_. ]?[0-9]+(?:[-_. ][0-9]+)*|[0-9]+[-_. ]?(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?:[-_. ]?[0-9]+)*|[0-9]+_of_[0-9]+)$') AS dated,
           pg_catalog.substring(r.root_name::text COLLATE pg_catalog."default", '(?i)^(.+)[-_. ](?:default|old)$') AS other
    FROM (SELECT DISTINCT x.root_schema, x.root_name FROM rooted x WHERE (SELECT l.by_name FROM lump l) AND $5 IS NULL) AS r
), stems AS (
    -- Only where two names have such a suffix is it one; then _default and _old belong to the family too.
    SELECT n.root_schema, n.root_name, p.stem
    FROM named n
    JOIN (SELECT n.root_schema, n.dated AS stem FROM named n WHERE n.dated IS NOT NULL GROUP BY n.root_schema, n.dated HAVING pg_catalog.count(*) > 1) AS p
      ON p.root_schema = n.root_schema AND p.stem = coalesce(n.dated, n.other)
), placed AS (
    SELECT r.*,
           CASE
               WHEN NOT l.by_name THEN r.root_name::text
               WHEN $5 IS NOT NULL THEN coalesce(nullif(pg_catalog.substring(r.root_name::text COLLATE pg_catalog."default", $5), ''), r.root_name::text)
               ELSE coalesce(nullif(pg_catalog.rtrim(coalesce(s.stem, r.root_name::text), '_0123456789'), ''), s.stem, r.root_name::text)
           END AS family
    FROM rooted r
    CROSS JOIN lump l
    LEFT JOIN stems s ON s.root_schema = r.root_schema AND s.root_name = r.root_name
), chosen AS (
    -- An unlogged table has contents only on the primary.
    SELECT p.*, p.relkind IN ('r', 'm') AND NOT p.is_elsewhere AS has_storage
    FROM placed p
    WHERE CASE
            -- A pattern that names a schema searches that schema, even a system schema; a member belongs to what its family matches.
            WHEN $2 IS NOT NULL AND EXISTS (
                SELECT FROM patterns x
                WHERE (p.nspname ~ (x.schema_regex COLLATE pg_catalog."default") AND p.relname ~ (x.name_regex COLLATE pg_catalog."default"))
                   OR (p.root_schema ~ (x.schema_regex COLLATE pg_catalog."default")
                       AND (p.root_name ~ (x.name_regex COLLATE pg_catalog."default") OR p.family ~ (x.name_regex COLLATE pg_catalog."default")))) THEN true
            WHEN $2 IS NOT NULL AND NOT EXISTS (
                SELECT FROM patterns x
                WHERE x.schema_regex IS NULL
                  AND (p.relname ~ (x.name_regex COLLATE pg_catalog."default")
                       OR p.root_name ~ (x.name_regex COLLATE pg_catalog."default")
                       OR p.family ~ (x.name_regex COLLATE pg_catalog."default"))) THEN false
            ELSE $8 OR p.of_users
          END
