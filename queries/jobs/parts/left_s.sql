-- How many seconds remain until an attempt (r) may be taken over; NULL if its lock has not been seen to be free. Times and intervals
-- can be infinite, or too large to be added up, so this adds numbers, and the result is never infinite.
CASE WHEN r.seen_free_at IS NOT NULL
     THEN least(greatest(pg_catalog.date_part('epoch', r.seen_free_at) + pg_catalog.date_part('epoch', r.grace)
                         - pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()), '-1e9'::float8), '1e9'::float8)
END
