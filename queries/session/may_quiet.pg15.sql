-- As may_quiet.sql, for servers that can grant the right to set a parameter.
SELECT pg_catalog.current_setting('is_superuser') = 'on'
       OR (pg_catalog.has_parameter_privilege(CURRENT_USER, 'log_statement', 'SET')
           AND pg_catalog.has_parameter_privilege(CURRENT_USER, 'log_min_duration_statement', 'SET')
           AND pg_catalog.has_parameter_privilege(CURRENT_USER, 'log_duration', 'SET')) AS may_quiet
