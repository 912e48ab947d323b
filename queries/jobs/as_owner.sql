-- Shows the guard trigger that we know the claim that is to be replaced: $1 job, whose row is ours to change.
SELECT pg_catalog.set_config('pgkit.claim', coalesce((SELECT ongoing::text FROM :"schema".crontabber
                                                      WHERE app_name = $1::text), ''), true)
