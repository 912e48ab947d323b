-- It is a warning when 14 of the 17 connections that ordinary roles may have are in use.
--
-- since = 10
-- settings = ["max_connections = 20", "superuser_reserved_connections = 3", "max_wal_senders = 2"]
-- checks = ["connections-near-limit"]
-- expect = ["warning connections-near-limit "]
SELECT 1;
-- @session s1
SELECT 1;
-- @session s2
SELECT 1;
-- @session s3
SELECT 1;
-- @session s4
SELECT 1;
-- @session s5
SELECT 1;
-- @session s6
SELECT 1;
-- @session s7
SELECT 1;
-- @session s8
SELECT 1;
-- @session s9
SELECT 1;
-- @session s10
SELECT 1;
-- @session s11
SELECT 1;
-- @session s12
SELECT 1;
-- @session s13
SELECT 1;
-- @session s14
SELECT 1;
