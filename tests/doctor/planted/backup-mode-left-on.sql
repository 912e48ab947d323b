-- An exclusive backup whose label says that it began 7 hours ago is a warning.
--
-- since = 10
-- until = 14
-- own = true
-- settings = ["wal_level = replica"]
-- checks = ["backup-mode-left-on"]
-- expect = ["warning backup-mode-left-on "]
DO $$ BEGIN PERFORM pg_start_backup('x', true); END $$;
COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; T=$(date -d "7 hours ago" "+%Y-%m-%d %H:%M:%S %Z"); sed -i "s/^START TIME: .*/START TIME: $T/" backup_label';
-- @healthy
DO $$ BEGIN PERFORM pg_stop_backup(); END $$;
