-- Server settings with which a crash or a bad disk damages data.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "server"
-- key     = ["setting"]
-- columns = ["setting text", "is_off bool", "warns bool"]
-- [[check]]
-- name     = "fsync-off"
-- only     = "setting = 'fsync'"
-- object   = ""
-- critical = "is_off"
-- finding  = "fsync is off: after a crash of the machine the whole cluster may be beyond repair"
-- remedy   = "ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf()"
-- why      = "The server does not wait until its writes are on the disk. A power failure or a crash of the operating system leaves files that do not match each other, and nothing can repair them."
-- source   = "the manual, fsync; check_pgactivity and postgresqltuner look at it too"
-- ignore   = "A server whose data may be lost at any time, such as one for tests."
-- proof    = "pgkit settings --grep fsync"
-- [[check]]
-- name     = "full-page-writes-off"
-- only     = "setting = 'full_page_writes'"
-- object   = ""
-- critical = "is_off"
-- finding  = "full_page_writes is off: a crash in the middle of a write leaves torn pages that recovery cannot repair"
-- remedy   = "ALTER SYSTEM SET full_page_writes = on; SELECT pg_reload_conf()"
-- why      = "A page has 8 kB, but disks write smaller units. If the machine stops in between, one half of the page is old and the other half is new; only the page's image in the WAL repairs that."
-- source   = "the manual, full_page_writes"
-- ignore   = "A file system that never writes half a page, such as ZFS with a matching record size."
-- proof    = "pgkit settings --grep full_page_writes"
-- [[check]]
-- name     = "checksums-off"
-- only     = "setting = 'data_checksums'"
-- object   = ""
-- warning  = "is_off and warns"
-- note     = "is_off"
-- finding  = "data checksums are off: pages that the disk has damaged are read as if they were intact"
-- remedy   = "Stop the server and run pg_checksums --enable (12 and later), or use initdb --data-checksums for a new cluster"
-- why      = "Without checksums, the server cannot tell a damaged page from an intact one. Damage is found late, when the backups contain it too."
-- source   = "the manual, data_checksums; from 18 on initdb turns them on"
-- ignore   = "A file system with checksums of its own (ZFS, btrfs), which cannot be seen from here."
-- proof    = "pgkit settings --all --grep data_checksums"
SELECT s.name AS setting,
       s.setting = 'off' AS is_off,
       pg_catalog.current_setting('server_version_num')::int4 >= 180000 AS warns
FROM pg_catalog.pg_settings s
WHERE s.name IN ('fsync', 'full_page_writes', 'data_checksums')
ORDER BY s.name COLLATE "C"
