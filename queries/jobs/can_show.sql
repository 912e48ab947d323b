-- Whether a guard can copy output to table pgkit_output of schema $1: the table exists, the role has the rights, and no
-- code of another role can run when it is used. The table must belong to the owner of pgkit_run, whom the runner has
-- already checked. Reads catalogs only, so it waits for no lock on the table.
SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace n
               JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = 'pgkit_output'
               JOIN pg_catalog.pg_class own ON own.relnamespace = n.oid AND own.relname = 'pgkit_run' AND own.relowner = c.relowner
               WHERE n.nspname = $1 AND c.relkind = 'r' AND NOT c.relhastriggers AND NOT c.relhasrules AND NOT c.relrowsecurity
                 AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_table_privilege(c.oid, 'UPDATE')
                 AND pg_catalog.has_table_privilege(c.oid, 'DELETE'))
