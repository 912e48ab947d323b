-- work_mem that many sessions may use together is compared with the memory of the machine, as the server's setting has it.
--
-- since = 10
-- settings = ["work_mem = '100GB'"]
-- checks = ["memory-overcommitted"]
-- expect = ["warning memory-overcommitted"]
-- text = ["work_mem = 102400MB"]
SELECT 1;
