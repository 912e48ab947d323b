-- An exclusive backup that began 25 hours ago is critical.
--
-- since = 10
-- until = 14
-- own = true
-- settings = ["wal_level = replica"]
-- checks = ["backup-mode-left-on"]
-- expect = ["critical backup-mode-left-on "]
DO $$ BEGIN PERFORM pg_start_backup('x', true); END $$;
COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; T=$(date -d "25 hours ago" "+%Y-%m-%d %H:%M:%S %Z"); sed -i "s/^START TIME: .*/START TIME: $T/" backup_label';
-- @healthy
DO $$ BEGIN PERFORM pg_stop_backup(); END $$;
