-- Half of the possible files of multixact members is a warning.
--
-- since = 10
-- own = true
-- checks = ["multixact-members"]
-- expect = ["warning multixact-members "]
COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; cd pg_multixact/members && seq 1 41200 | awk ''{ printf "%04X\n", $1 }'' | xargs touch';
-- @healthy
COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; cd pg_multixact/members && find . -type f -size 0 -delete';
