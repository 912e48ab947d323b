        SELECT pg_catalog.bool_and(x.option_value::bool) FILTER (WHERE x.option_name = 'autovacuum_enabled') AS enabled,
               pg_catalog.max(x.option_value::float8) FILTER (WHERE x.option_name = 'autovacuum_vacuum_threshold') AS vacuum_base,
               pg_catalog.max(x.option_value::float8) FILTER (WHERE x.option_name = 'autovacuum_vacuum_scale_factor') AS vacuum_scale,
               pg_catalog.max(x.option_value::float8) FILTER (WHERE x.option_name = 'autovacuum_vacuum_max_threshold') AS vacuum_max,
               pg_catalog.max(x.option_value::float8) FILTER (WHERE x.option_name = 'autovacuum_vacuum_insert_threshold') AS insert_base,
               pg_catalog.max(x.option_value::float8) FILTER (WHERE x.option_name = 'autovacuum_vacuum_insert_scale_factor') AS insert_scale
