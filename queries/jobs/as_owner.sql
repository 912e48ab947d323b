-- Shows the guard trigger that we know the claim that is to be replaced: $1 job, whose row is ours to change. As JSON has a
-- time, which is the same whatever the session's DateStyle.
SELECT pg_catalog.set_config('pgkit.claim', coalesce((SELECT pg_catalog.to_json(ongoing) #>> '{}'
                                                      FROM :"schema".crontabber
                                                      WHERE app_name = $1::text), ''), true)
