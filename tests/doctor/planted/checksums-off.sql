-- Without data checksums, as initdb makes clusters before 18, there is a note.
--
-- since = 10
-- until = 17
-- checks = ["checksums-off"]
-- expect = ["note checksums-off "]
SELECT 1;
