), listed AS (
    SELECT c.oid, pg_catalog.array_agg(c.width ORDER BY c.attnum) AS widths, pg_catalog.array_agg(c.nulls ORDER BY c.attnum) AS nulls,
           pg_catalog.array_agg(c.is_fixed ORDER BY c.attnum) AS fixed, pg_catalog.array_agg(c.align ORDER BY c.attnum) AS aligns,
           pg_catalog.count(*)::int4 AS attributes,
           pg_catalog.bool_and(c.width IS NOT NULL AND c.nulls IS NOT NULL) AS is_known,
           pg_catalog.bool_and(c.is_readable OR c.is_null OR c.width IS NOT NULL AND c.nulls IS NOT NULL) AS is_readable,
           pg_catalog.bool_or(t.avg_width IS NOT NULL) AS is_analyzed,
           pg_catalog.min(c.attnum) FILTER (WHERE c.width IS NULL OR c.nulls IS NULL) AS unknown
    FROM columns c
    CROSS JOIN LATERAL (SELECT CASE WHEN NOT c.is_null AND c.nulls IS NOT NULL THEN c.width END AS avg_width) AS t
    GROUP BY c.oid
), walk (oid, attnum, attributes, widths, nulls, fixed, aligns, place, is_exact, grain, no_null) AS (
    -- Column after column: where the next one begins. After a column of varying width the place is a mean, and all that is
    -- known of it is a power of two that divides it, the grain.
    SELECT l.oid, 0, l.attributes, l.widths, l.nulls, l.fixed, l.aligns, 0::float8, true, 8, 1::float8
    FROM listed l
    WHERE l.is_known
    UNION ALL
    SELECT w.oid, w.attnum + 1, w.attributes, w.widths, w.nulls, w.fixed, w.aligns,
           w.place + (1 - c.nulls) * (c.width + CASE WHEN w.is_exact THEN (c.align - w.place::int8 % c.align) % c.align ELSE greatest(0, c.align - w.grain) / 2.0::float8 END),
           w.is_exact AND (c.nulls = 1 OR (c.is_fixed AND c.nulls = 0)),
           CASE
               WHEN c.nulls = 1 THEN w.grain
               WHEN NOT c.is_fixed THEN 1
               ELSE least(CASE WHEN c.nulls > 0 THEN w.grain ELSE 8 END, CASE WHEN w.is_exact THEN c.align ELSE greatest(c.align, w.grain) END,
                          CASE WHEN c.width::int8 % 8 = 0 THEN 8 WHEN c.width::int8 % 4 = 0 THEN 4 WHEN c.width::int8 % 2 = 0 THEN 2 ELSE 1 END)
           END,
           w.no_null * (1 - c.nulls)
    FROM walk w
    CROSS JOIN LATERAL (
        SELECT w.widths[w.attnum + 1] AS width, w.nulls[w.attnum + 1] AS nulls, w.fixed[w.attnum + 1] AS is_fixed, w.aligns[w.attnum + 1] AS align
        OFFSET 0
    ) AS c
    WHERE w.attnum < w.attributes
