-- How much WAL is written, and whether it is archived.
--
-- since   = 10
-- needs   = "no special privilege; pg_monitor (before 12, a superuser) counts the files that wait for the archiver"
-- source  = "pg_stat_wal (from 14), pg_stat_archiver"
-- reading = "If archiving says failing, the last attempt failed, and pg_wal grows until the command works again: backlog counts the files that wait."
-- notes   = "\"no command\" means that archive_mode is on, but that nothing is ever archived. position_bytes grows with the WAL in every version, so its rate is the rate at which WAL is written. pgkit replication shows what else keeps WAL."
-- key     = ["role"]
-- include wal_header
-- [[hidden]]
-- when = "pg_catalog.current_setting('archive_mode') <> 'off'"
-- says = "the files that wait for the archiver are not counted; pg_monitor counts them, before 12 only a superuser"
WITH ready (files) AS (
    SELECT NULL::int8
-- include wal_answer
