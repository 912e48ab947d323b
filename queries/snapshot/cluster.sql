-- The system identifier of the cluster, and the timeline of its last checkpoint. A role may have lost the right to see them.
SELECT s.system_identifier::text AS system_identifier, c.timeline_id::int8 AS timeline
FROM pg_catalog.pg_control_system() s
CROSS JOIN pg_catalog.pg_control_checkpoint() c
