-- Where the server has its files and its log. What a role may not see is NULL.
SELECT pg_catalog.max(s.setting) FILTER (WHERE s.name = 'config_file') AS config_file,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'hba_file') AS hba_file,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'ident_file') AS ident_file,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'data_directory') AS data_directory,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'log_destination') AS log_destination,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'logging_collector') AS logging_collector,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'log_directory') AS log_directory,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'log_filename') AS log_filename,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'log_line_prefix') AS log_line_prefix,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'log_timezone') AS log_timezone,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'syslog_facility') AS syslog_facility,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'syslog_ident') AS syslog_ident
FROM pg_catalog.pg_settings s
