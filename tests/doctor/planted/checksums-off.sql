-- A cluster without data checksums, which is the default of initdb before PostgreSQL 18, gets a note.
--
-- since = 10
-- until = 17
-- checks = ["checksums-off"]
-- expect = ["note checksums-off "]
SELECT 1;
