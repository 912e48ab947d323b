-- An exclusive backup that began 5 hours ago is not reported.
--
-- since = 10
-- until = 14
-- own = true
-- settings = ["wal_level = replica"]
-- checks = ["backup-mode-left-on"]
-- expect = []
DO $$ BEGIN PERFORM pg_start_backup('x', true); END $$;
COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; T=$(date -d "5 hours ago" "+%Y-%m-%d %H:%M:%S %Z"); sed -i "s/^START TIME: .*/START TIME: $T/" backup_label';
