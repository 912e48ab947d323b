-- Columns that may be NULL although their parent's may not. From pg_upgrade's check.c (check_for_not_null_inheritance).
SELECT 'stops' AS severity,
       pg_catalog.current_database()::text AS database,
       'table ' || pg_catalog.format('%I.%I, column %I', n.nspname, c.relname, a.attname) AS object,
       'may be NULL, and in its parent ' || p.oid::pg_catalog.regclass::text || ' it may not' AS problem,
       'set it NOT NULL; where it holds NULLs, fill those first' AS fix,
       'the restore of such a child fails' AS why,
       pg_catalog.format('ALTER TABLE %I.%I ALTER COLUMN %I SET NOT NULL;', n.nspname, c.relname, a.attname) AS sql,
       pg_catalog.current_database()::text AS run_in,
       false AS choice
FROM pg_catalog.pg_inherits i
JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relkind NOT IN ('i', 'I')
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
JOIN pg_catalog.pg_attribute b ON b.attrelid = i.inhparent AND b.attnum > 0 AND b.attnotnull AND NOT b.attisdropped
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.inhrelid AND a.attname = b.attname AND NOT a.attnotnull
ORDER BY 3, 4
