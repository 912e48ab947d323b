-- Open schemas, SECURITY DEFINER functions and ineffective row security are found. Harmless objects are not.
--
-- since = 10
-- own = true
-- checks = ["public-may-create", "definer-function-open", "rls-without-effect", "view-bypasses-rls"]
-- expect = ["warning public-may-create public", "warning public-may-create O\"pen", "warning definer-function-open public.f(a integer)", "note definer-function-open public.g()", "note definer-function-open public.without_temp()", "warning definer-function-open public.open_path()", "warning definer-function-open public.fires()", "critical rls-without-effect public.off", "critical rls-without-effect O\"pen.Off\n2", "warning rls-without-effect public.bare", "note rls-without-effect public.owned", "warning view-bypasses-rls public.v_on", "warning view-bypasses-rls public.m_on", "warning view-bypasses-rls public.v_other"]
-- text = ["every role may call it", "public.on_1"]
CREATE ROLE one LOGIN;
CREATE ROLE two LOGIN;
GRANT CREATE ON SCHEMA public TO PUBLIC;
CREATE SCHEMA "O""pen";
GRANT CREATE, USAGE ON SCHEMA "O""pen" TO PUBLIC;
CREATE SCHEMA closed;
GRANT USAGE ON SCHEMA closed TO PUBLIC;
CREATE TABLE owned (a int);
ALTER TABLE owned OWNER TO one;
CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT a';
CREATE FUNCTION g() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN 1; END';
REVOKE EXECUTE ON FUNCTION g() FROM PUBLIC;
CREATE FUNCTION open_path() RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = closed, "O""pen", pg_temp AS 'BEGIN RETURN 1; END';
CREATE FUNCTION without_temp() RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = closed AS 'BEGIN RETURN 1; END';
CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NEW; END';
CREATE TABLE written (a int);
GRANT INSERT ON written TO two;
CREATE TRIGGER t BEFORE INSERT ON written FOR EACH ROW EXECUTE PROCEDURE fires();
-- Functions with their own search_path, even an empty one, are harmless. So are trigger functions that no other role makes
-- fire, and functions with SECURITY INVOKER.
CREATE FUNCTION safe() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT 1';
CREATE FUNCTION safe_empty() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT 1';
CREATE FUNCTION trig() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NEW; END';
CREATE TABLE own_only (a int);
CREATE TRIGGER t BEFORE INSERT ON own_only FOR EACH ROW EXECUTE PROCEDURE trig();
CREATE FUNCTION invoker() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE off (a int);
CREATE POLICY p ON off USING (true);
CREATE TABLE "O""pen"."Off
2" (a int) PARTITION BY RANGE (a);
CREATE POLICY p ON "O""pen"."Off
2" USING (true);
CREATE TABLE bare (a int);
ALTER TABLE bare ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON owned USING (true);
ALTER TABLE owned ENABLE ROW LEVEL SECURITY;
CREATE TABLE forced (a int);
ALTER TABLE forced OWNER TO one;
CREATE POLICY p ON forced USING (a > 0);
ALTER TABLE forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE TABLE on_1 (a int);
CREATE POLICY p ON on_1 USING (a > 0);
ALTER TABLE on_1 ENABLE ROW LEVEL SECURITY;
CREATE VIEW v_on AS SELECT a FROM on_1;
CREATE MATERIALIZED VIEW m_on AS SELECT a FROM on_1;
CREATE VIEW v_other AS SELECT a FROM owned;
-- Harmless are views whose owner is subject to the policies, and views of tables without row security.
CREATE VIEW v_two AS SELECT a FROM on_1;
ALTER VIEW v_two OWNER TO two;
CREATE VIEW v_forced AS SELECT a FROM forced;
ALTER VIEW v_forced OWNER TO one;
CREATE TABLE plain (a int);
CREATE VIEW v_plain AS SELECT a FROM plain;
-- @healthy
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE CREATE ON SCHEMA "O""pen" FROM PUBLIC;
ALTER FUNCTION f(int) SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION without_temp() SET search_path = public, pg_temp;
ALTER FUNCTION fires() SET search_path = '';
ALTER FUNCTION g() SET search_path = pg_catalog, pg_temp;
DROP VIEW v_on, v_other;
DROP MATERIALIZED VIEW m_on;
ALTER TABLE off ENABLE ROW LEVEL SECURITY;
ALTER TABLE "O""pen"."Off
2" ENABLE ROW LEVEL SECURITY;
DROP TABLE bare;
ALTER TABLE owned FORCE ROW LEVEL SECURITY;
