-- Just under half of the possible files of multixact members is not reported.
--
-- since = 10
-- own = true
-- checks = ["multixact-members"]
-- expect = []
COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; cd pg_multixact/members && seq 1 40500 | awk ''{ printf "%04X\n", $1 }'' | xargs touch';
