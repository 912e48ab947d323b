-- Records jobs that are seen for the first time, and max_ongoing_age of each: $1 names, $2 ages as intervals. A job
-- that crontabber has run before was first seen then.
INSERT INTO :"schema".pgkit_job AS j (app_name, first_seen, max_ongoing_age)
SELECT new.name, least(pg_catalog.clock_timestamp(), (SELECT c.first_run FROM :"schema".crontabber c
                                                      WHERE c.app_name = new.name)),
       new.age::interval
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS new (name, age)
ORDER BY new.name
ON CONFLICT (app_name) DO UPDATE SET max_ongoing_age = excluded.max_ongoing_age
WHERE j.max_ongoing_age <> excluded.max_ongoing_age
