-- A standby that synchronous_standby_names asks for but that is not connected is critical.
--
-- since = 10
-- settings = ["synchronous_standby_names = 'ANY 2 (a, b, c)'", "synchronous_commit = on"]
-- checks = ["commits-wait-for-standby"]
-- expect = ["critical commits-wait-for-standby "]
-- text = ["the number of synchronous standbys is 0, and synchronous_standby_names requires 2"]
SELECT 1;
-- @healthy
ALTER SYSTEM SET synchronous_standby_names = '';
SELECT pg_reload_conf();
-- @sleep 1s
