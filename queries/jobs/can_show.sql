-- Whether a guard can show the output of its attempts in schema $1: pgkit_output is there, the role may use it, and nothing that
-- another role could have made is attached to it. It must belong to the owner of pgkit_run, because a runner has checked that one.
-- Reads catalogs only, so it waits for no lock on the table.
SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace n
               JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = 'pgkit_output'
               JOIN pg_catalog.pg_class own ON own.relnamespace = n.oid AND own.relname = 'pgkit_run' AND own.relowner = c.relowner
               WHERE n.nspname = $1 AND c.relkind = 'r' AND NOT c.relhastriggers AND NOT c.relhasrules AND NOT c.relrowsecurity
                 AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_table_privilege(c.oid, 'UPDATE')
                 AND pg_catalog.has_table_privilege(c.oid, 'DELETE'))
