-- What a session does whose activities are not tracked is not known.
--
-- since = 10
-- own = true
-- also = ["long-transaction"]
-- checks = ["idle-in-transaction"]
-- expect = ["unseen idle-in-transaction other sessions"]
-- text = ["track_activities is off for them"]
-- @session hidden
SET track_activities = off;
BEGIN;
CREATE TABLE t (a int);
-- @healthy
-- @session hidden
COMMIT;
SET track_activities = on;
SELECT 1;
