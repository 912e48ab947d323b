-- Records the process of an attempt's program, so that others on this machine can see that it is gone.
-- $1 attempt's id, $2 its mark, $3 the process's pid, $4 its start.
UPDATE :"schema".pgkit_run SET leader_pid = $3::int4, leader_ticks = $4::int8 WHERE id = $1::int8 AND mark = $2::text
