-- The process of an attempt's program, by which others on this machine see that it is gone.
-- $1 attempt's id, $2 its pid, $3 its start.
UPDATE :"schema".pgkit_run SET leader_pid = $2::int4, leader_ticks = $3::int8 WHERE id = $1::int8
