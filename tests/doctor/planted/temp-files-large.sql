-- A query that sorts on disk all the time is a note.
--
-- since = 10
-- for = "6s"
-- checks = ["temp-files-large"]
-- expect = ["note temp-files-large {database}"]
SELECT 1;
-- @during a
SET work_mem = '64kB';
SELECT count(*) FROM (SELECT g FROM generate_series(1, 60000) g ORDER BY g DESC) AS x;
