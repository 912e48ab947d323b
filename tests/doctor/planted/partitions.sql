-- Tables whose date partitions end soon or ended lately are found, unless they reach far ahead or ended long ago.
--
-- since = 10
-- checks = ["next-partition-missing"]
-- expect = ["warning next-partition-missing public.week", "critical next-partition-missing public.Tomorrow", "critical next-partition-missing public.past", "critical next-partition-missing public.of_expression", "warning next-partition-missing public.daily", "critical next-partition-missing public.gap_now", "warning next-partition-missing public.gap_soon", "critical next-partition-missing public.several", "warning next-partition-missing public.whole_day", "critical next-partition-missing public.text_like_a_bound", "critical next-partition-missing Od d.sub\n1"]
CREATE TABLE week (at date) PARTITION BY RANGE (at);
CREATE TABLE month (at date) PARTITION BY RANGE (at);
CREATE TABLE "Tomorrow" (at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE past (at timestamp) PARTITION BY RANGE (at);
CREATE TABLE archive (at date) PARTITION BY RANGE (at);
CREATE TABLE endless (at date) PARTITION BY RANGE (at);
CREATE TABLE endless2 (at date) PARTITION BY RANGE (at);
CREATE TABLE of_number (at int) PARTITION BY RANGE (at);
CREATE TABLE of_list (at date) PARTITION BY LIST (at);
CREATE TABLE none (at date) PARTITION BY RANGE (at);
CREATE DOMAIN moment AS timestamptz;
CREATE TABLE of_expression (at moment) PARTITION BY RANGE ((at::timestamptz));
CREATE TABLE daily (at date) PARTITION BY RANGE (at);
CREATE TABLE daily_enough (at date) PARTITION BY RANGE (at);
CREATE TABLE several (at timestamptz, what text) PARTITION BY RANGE (at, what);
-- A bound of a date and MAXVALUE is the end of that day.
CREATE TABLE whole_day (at date, what text) PARTITION BY RANGE (at, what);
CREATE TABLE whole_day_enough (at date, what text, who text) PARTITION BY RANGE (at, what, who);
CREATE TABLE text_like_a_bound (at date, what text) PARTITION BY RANGE (at, what);
-- A gap is found unless it is over.
CREATE TABLE gap_now (at date) PARTITION BY RANGE (at);
CREATE TABLE gap_soon (at date) PARTITION BY RANGE (at);
CREATE TABLE gap_over (at date) PARTITION BY RANGE (at);
CREATE SCHEMA "Od d";
CREATE TABLE tree (a int, at date) PARTITION BY LIST (a);
CREATE TABLE "Od d"."sub
1" PARTITION OF tree FOR VALUES IN (1) PARTITION BY RANGE (at);
-- The partitions of nested reach ahead, but the subpartitions of its first one do not.
-- Only the topmost level has to reach ahead.
CREATE TABLE nested (at date) PARTITION BY RANGE (at);
-- The time of its first partition is over, although the subpartitions did not reach its end.
CREATE TABLE nested_gap (at date) PARTITION BY RANGE (at);
DO $$
DECLARE t date := current_date;
BEGIN
    EXECUTE format('CREATE TABLE w1 PARTITION OF week FOR VALUES FROM (%L) TO (%L)', t - 30, t - 4);
    EXECUTE format('CREATE TABLE w2 PARTITION OF week FOR VALUES FROM (%L) TO (%L)', t - 4, t + 6);
    EXECUTE format('CREATE TABLE w0 PARTITION OF week FOR VALUES FROM (%L) TO (%L)', t - 99, t - 30);
    EXECUTE format('CREATE TABLE m1 PARTITION OF month FOR VALUES FROM (%L) TO (%L)', t - 4, t + 9);
    EXECUTE format('CREATE TABLE t1 PARTITION OF "Tomorrow" FOR VALUES FROM (%L) TO (%L)', t - 4, now() + interval '20 hours');
    EXECUTE format('CREATE TABLE p1 PARTITION OF past FOR VALUES FROM (MINVALUE) TO (%L)', t - 80);
    EXECUTE format('CREATE TABLE a1 PARTITION OF archive FOR VALUES FROM (%L) TO (%L)', t - 200, t - 91);
    EXECUTE format('CREATE TABLE e1 PARTITION OF endless FOR VALUES FROM (%L) TO (MAXVALUE)', t - 200);
    EXECUTE format('CREATE TABLE e2 PARTITION OF endless2 FOR VALUES FROM (%L) TO (%L)', t - 200, 'infinity');
    EXECUTE 'CREATE TABLE n1 PARTITION OF of_number FOR VALUES FROM (0) TO (100)';
    EXECUTE format('CREATE TABLE l1 PARTITION OF of_list FOR VALUES IN (%L)', t);
    EXECUTE format('CREATE TABLE x1 PARTITION OF of_expression FOR VALUES FROM (%L) TO (%L)', t - 4, now() + interval '1 hour');
    FOR i IN -3..2 LOOP
        EXECUTE format('CREATE TABLE d%s PARTITION OF daily FOR VALUES FROM (%L) TO (%L)', i + 10, t + i, t + i + 1);
    END LOOP;
    FOR i IN -3..4 LOOP
        EXECUTE format('CREATE TABLE f%s PARTITION OF daily_enough FOR VALUES FROM (%L) TO (%L)', i + 10, t + i, t + i + 1);
    END LOOP;
    EXECUTE format('CREATE TABLE g1 PARTITION OF gap_now FOR VALUES FROM (%L) TO (%L)', t - 30, t - 1);
    EXECUTE format('CREATE TABLE g2 PARTITION OF gap_now FOR VALUES FROM (%L) TO (%L)', t + 20, t + 50);
    EXECUTE format('CREATE TABLE g3 PARTITION OF gap_soon FOR VALUES FROM (%L) TO (%L)', t - 30, t + 5);
    EXECUTE format('CREATE TABLE g4 PARTITION OF gap_soon FOR VALUES FROM (%L) TO (%L)', t + 20, t + 50);
    EXECUTE format('CREATE TABLE g5 PARTITION OF gap_over FOR VALUES FROM (%L) TO (%L)', t - 30, t - 10);
    EXECUTE format('CREATE TABLE g6 PARTITION OF gap_over FOR VALUES FROM (%L) TO (%L)', t - 4, t + 50);
    EXECUTE format('CREATE TABLE s1 PARTITION OF several FOR VALUES FROM (%L, %L) TO (%L, %L)', t - 4, 'x', t, '), (''''');
    EXECUTE format('CREATE TABLE v1 PARTITION OF whole_day FOR VALUES FROM (%L, MINVALUE) TO (%L, MAXVALUE)', t - 4, t);
    EXECUTE format('CREATE TABLE v2 PARTITION OF whole_day FOR VALUES FROM (%L, MAXVALUE) TO (%L, MAXVALUE)', t, t + 6);
    EXECUTE format('CREATE TABLE v3 PARTITION OF whole_day_enough FOR VALUES FROM (%L, %L, %L) TO (%L, MAXVALUE, MAXVALUE)', t - 4, 'a', ') TO (''x'')', t + 7);
    EXECUTE format('CREATE TABLE v4 PARTITION OF text_like_a_bound FOR VALUES FROM (%L, %L) TO (%L, %L)', t - 4, ') TO (''2999-01-01'')', t, ') TO (''x''), (');
    EXECUTE format('CREATE TABLE o1 PARTITION OF "Od d"."sub%s1" FOR VALUES FROM (%L) TO (%L)', chr(10), t - 4, t);
    EXECUTE format('CREATE TABLE q1 PARTITION OF nested FOR VALUES FROM (%L) TO (%L) PARTITION BY RANGE (at)', t - 30, t);
    EXECUTE format('CREATE TABLE q1a PARTITION OF q1 FOR VALUES FROM (%L) TO (%L)', t - 30, t);
    EXECUTE format('CREATE TABLE q3 PARTITION OF nested_gap FOR VALUES FROM (%L) TO (%L) PARTITION BY RANGE (at)', t - 60, t - 5);
    EXECUTE format('CREATE TABLE q3a PARTITION OF q3 FOR VALUES FROM (%L) TO (%L)', t - 60, t - 10);
    EXECUTE format('CREATE TABLE q4 PARTITION OF nested_gap FOR VALUES FROM (%L) TO (%L)', t - 5, t + 30);
    EXECUTE format('CREATE TABLE q2 PARTITION OF nested FOR VALUES FROM (%L) TO (%L)', t, t + 30);
END$$;
-- @healthy
DO $$
DECLARE t date := current_date;
BEGIN
    EXECUTE format('CREATE TABLE w3 PARTITION OF week FOR VALUES FROM (%L) TO (%L)', t + 6, t + 16);
    EXECUTE format('CREATE TABLE g7 PARTITION OF gap_now FOR VALUES FROM (%L) TO (%L)', t - 1, t + 20);
    EXECUTE format('CREATE TABLE g8 PARTITION OF gap_soon FOR VALUES FROM (%L) TO (%L)', t + 5, t + 20);
    EXECUTE format('CREATE TABLE v5 PARTITION OF whole_day FOR VALUES FROM (%L, MINVALUE) TO (%L, MINVALUE)', t + 7, t + 30);
    EXECUTE format('CREATE TABLE d99 PARTITION OF daily FOR VALUES FROM (%L) TO (%L)', t + 3, t + 30);
END$$;
DROP TABLE "Tomorrow", past, of_expression, several, text_like_a_bound, tree;
