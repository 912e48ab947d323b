-- How far the server's clock differs from the clock of the machine that runs pgkit.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "server"
-- key     = ["direction"]
-- columns = ["direction text", "skew_s float8"]
-- [[param]]
-- name = "client_time"
-- type = "int8"
-- help = "The time of the question, in microseconds since 1970, by the clock of the machine that runs pgkit"
-- [[param]]
-- name = "client_delay"
-- type = "int8"
-- help = "How much later than that the server may have run the statement, in microseconds"
-- [[check]]
-- name     = "clock-skew"
-- value    = "skew_s"
-- critical = "skew_s >= 30s"
-- warning  = "skew_s >= 2s"
-- finding  = "the server's clock and the clock of this machine differ: the server's clock is {skew_s} {direction}"
-- remedy   = "Check the time service on both machines: chronyc tracking, or timedatectl"
-- proof    = "pgkit settings --sql, then SELECT pg_catalog.clock_timestamp()"
-- why      = "Timestamps in logs, retries, leases and certificates can no longer be compared. The clock of this machine may be the wrong one."
-- source   = "check_postgres's timesync: 2 and 5 seconds. The query arrives up to two round trips after it was asked, which are subtracted."
-- ignore   = "A laptop whose own clock is wrong."
SELECT CASE WHEN x.skew < 0::float8 THEN 'behind' ELSE 'ahead' END AS direction,
       pg_catalog.round(pg_catalog.abs(x.skew)::numeric, 3)::float8 AS skew_s
FROM (
    -- The delay between the readings of the two clocks can only make the server's clock seem to be ahead.
    SELECT CASE WHEN d.difference > 0::float8 THEN greatest(d.difference - coalesce($2::float8, 0::float8) / 1000000::float8, 0::float8) ELSE d.difference END AS skew
    FROM (SELECT extract(epoch FROM pg_catalog.clock_timestamp())::float8 - $1::float8 / 1000000::float8 AS difference) AS d
) AS x
ORDER BY 1
