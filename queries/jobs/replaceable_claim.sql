-- Tells the guard trigger which claim may be replaced: that of job $1, whose row this session has locked. The time is written
-- as JSON has it, because its text must not depend on the session's DateStyle.
SELECT pg_catalog.set_config('pgkit.claim', coalesce((SELECT pg_catalog.to_json(ongoing) #>> '{}'
                                                      FROM :"schema".crontabber
                                                      WHERE app_name = $1::text), ''), true)
