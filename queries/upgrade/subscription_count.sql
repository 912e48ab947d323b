-- How many subscriptions the cluster has.
SELECT pg_catalog.count(s.subname) AS count FROM pg_catalog.pg_subscription s
