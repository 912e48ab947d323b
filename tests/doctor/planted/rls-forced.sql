-- A table without a policy whose row security its owner is subject to shows nobody rows.
--
-- since = 10
-- checks = ["rls-without-effect"]
-- expect = ["warning rls-without-effect public.forced", "warning rls-without-effect public.plain"]
-- text = ["so no role but superusers and those with BYPASSRLS sees rows", "so only its owner sees rows"]
CREATE TABLE forced (a int);
ALTER TABLE forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE TABLE plain (a int);
ALTER TABLE plain ENABLE ROW LEVEL SECURITY;
-- @healthy
CREATE POLICY p ON forced USING (true);
CREATE POLICY p ON plain USING (true);
