-- How much memory the server may use at most, compared with the memory of its machine.
--
-- since   = 10
-- needs   = "a server on this machine, reached through its socket"
-- scope   = "server"
-- key     = ["settings"]
-- columns = ["settings text", "memory_bytes int8", "shared_bytes int8", "ceiling_bytes int8", "shared_pct float8", "ceiling_pct float8"]
-- [[param]]
-- name = "client_memory_bytes"
-- type = "bytes"
-- help = "The memory of the machine that runs pgkit, or of its container"
-- [[check]]
-- name     = "memory-overcommitted"
-- value    = "ceiling_pct"
-- warning  = ["shared_pct > 80", "ceiling_pct > 100"]
-- unseen   = "memory_bytes is null"
-- unseen_because = "the memory of the server's machine is not known: it is not this machine, or the server was not reached through its socket"
-- elsewhere = true
-- finding  = "with {settings}, the server may use up to {ceiling_bytes}; the machine has {memory_bytes}"
-- remedy   = "Lower work_mem or max_connections, or use a connection pooler"
-- proof    = "pgkit settings --all --grep 'shared_buffers|work_mem|max_connections|hash_mem'"
-- why      = "If enough sessions sort at once, the machine swaps, or the kernel kills a backend, which ends all sessions."
-- source   = "shared_buffers + max_connections × work_mem × hash_mem_multiplier / 4: a quarter of the sessions sort at once; postgresqltuner warns at 80 and 100 % of a similar sum."
-- ignore   = "A pooler that never opens so many sessions, or a work_mem that few statements use."
SELECT 'shared_buffers = ' || pg_catalog.current_setting('shared_buffers') || ', max_connections = ' || pg_catalog.current_setting('max_connections')
           || ' and work_mem = ' || CASE WHEN x.work_kb % 1024 = 0 THEN (x.work_kb / 1024)::text || 'MB' ELSE x.work_kb::text || 'kB' END AS settings,
       $1::int8 AS memory_bytes,
       x.shared AS shared_bytes,
       x.shared + x.sorts AS ceiling_bytes,
       pg_catalog.round(100 * x.shared::numeric / nullif($1::int8, 0::int8), 1)::float8 AS shared_pct,
       pg_catalog.round(100 * (x.shared + x.sorts)::numeric / nullif($1::int8, 0::int8), 1)::float8 AS ceiling_pct
FROM (SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting('shared_buffers')) AS shared,
             (pg_catalog.current_setting('max_connections')::numeric * w.reset_val::numeric * 1024
              * pg_catalog.current_setting('hash_mem_multiplier')::numeric  -- pg13..
              / 4)::int8 AS sorts,
             w.reset_val::int8 AS work_kb
      -- Below the value that pgkit sets for its own session.
      FROM pg_catalog.pg_settings w
      WHERE w.name = 'work_mem') AS x
ORDER BY 1
