WITH rules AS (
    SELECT r.line_number AS line,
           -- Only superusers and members of pg_read_all_settings can see the setting hba_file.
           coalesce((SELECT pg_catalog.regexp_replace(s.setting, '^.*/', '') FROM pg_catalog.pg_settings s WHERE s.name = 'hba_file'), 'pg_hba.conf') AS file,  -- pg..15
           r.line_number AS place,  -- pg..15
           pg_catalog.regexp_replace(r.file_name, '^.*/', '') AS file, r.rule_number AS place,  -- pg16..
           r.type, r.database, r.user_name, r.address, r.netmask, r.auth_method AS method,
           -- If there is a mask, it is an IP address, not a name.
           CASE WHEN r.netmask IS NOT NULL THEN r.address::inet END AS ip, r.netmask::inet AS mask
    FROM pg_catalog.pg_hba_file_rules r
    WHERE r.error IS NULL AND r.type <> 'local'
), outside AS (
    -- The rules that decide about clients on other machines.
    SELECT r.*, r.type IN ('hostssl', 'hostgssenc') AS is_encrypted,
           r.address = 'all' OR (r.mask IS NOT NULL AND r.mask IN ('0.0.0.0'::inet, '::'::inet)) AS is_everybody
    FROM rules r
    WHERE coalesce(r.address, '') NOT IN ('samehost', 'localhost')
      AND CASE WHEN r.ip IS NULL THEN true
               WHEN pg_catalog.family(r.ip) = 4 THEN NOT (r.ip <<= '127.0.0.0/8'::inet AND (r.mask & '255.0.0.0'::inet) = '255.0.0.0'::inet)
               ELSE NOT (r.ip = '::1'::inet AND r.mask = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'::inet) END
      -- The first matching line decides, so a line has no effect if an earlier one matches everything that it would match.
      AND NOT EXISTS (
          SELECT
          FROM rules e
          WHERE e.place < r.place AND (e.type = 'host' OR e.type = r.type)
            AND (('all' = ANY (e.database) AND NOT 'replication' = ANY (r.database)) OR pg_catalog.arraycontains(e.database, r.database))
            AND ('all' = ANY (e.user_name) OR pg_catalog.arraycontains(e.user_name, r.user_name))
            AND (e.address = 'all' OR e.address = r.address AND e.netmask IS NOT DISTINCT FROM r.netmask
                 OR (e.ip IS NOT NULL AND r.ip IS NOT NULL AND pg_catalog.family(e.ip) = pg_catalog.family(r.ip)
                     AND (CASE WHEN pg_catalog.family(e.ip) = pg_catalog.family(r.ip) THEN (e.ip & e.mask) = (r.ip & e.mask) AND (e.mask & r.mask) = e.mask END))))
