-- Unexpected settings of roles and databases are found, and usual ones are not.
--
-- since = 10
-- own = true
-- checks = ["settings-per-role-odd"]
-- expect = ["warning settings-per-role-odd role R \"1\".work_mem", "warning settings-per-role-odd role R \"1\".synchronous_commit", "note settings-per-role-odd role hinted.enable_seqscan", "warning settings-per-role-odd all roles.enable_hashjoin", "warning settings-per-role-odd role logs.log_statement", "warning settings-per-role-odd role kb.work_mem", "warning settings-per-role-odd role paths.search_path"]
CREATE ROLE "R ""1""";
ALTER ROLE "R ""1""" SET work_mem = '1025MB';
ALTER ROLE "R ""1""" SET synchronous_commit = off;
CREATE ROLE hinted;
ALTER ROLE hinted SET enable_seqscan = off;
ALTER ROLE ALL SET enable_hashjoin = off;
CREATE ROLE logs;
ALTER ROLE logs SET log_statement = 'all';
CREATE ROLE kb;
ALTER ROLE kb SET work_mem = 1048577;
CREATE ROLE paths;
CREATE SCHEMA "Op,en";
GRANT CREATE ON SCHEMA "Op,en" TO PUBLIC;
CREATE SCHEMA closed;
ALTER ROLE paths SET search_path = "$user", closed, "Op,en";
-- These settings are usual.
CREATE ROLE usual;
ALTER ROLE usual SET work_mem = '1GB';
ALTER ROLE usual SET log_statement = 'ddl';
ALTER ROLE usual SET synchronous_commit = 'local';
ALTER ROLE usual SET search_path = closed, "$user";
ALTER ROLE usual SET enable_seqscan = on;
CREATE ROLE kb2;
ALTER ROLE kb2 SET work_mem = 1048576;
-- @healthy
DROP ROLE "R ""1""", hinted, logs, kb;
ALTER ROLE ALL RESET enable_hashjoin;
REVOKE CREATE ON SCHEMA "Op,en" FROM PUBLIC;
