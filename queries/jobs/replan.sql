-- Updates next_run of jobs whose schedule has changed, for jobs that wait for them, and for crontabbers. $1 names, $2
-- instants, as texts. Rows that another session has locked are skipped.
UPDATE :"schema".crontabber c SET next_run = new.next_run
FROM (SELECT w.name, w.next_run::timestamptz AS next_run
      FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS w (name, next_run)) new
WHERE c.app_name = new.name
  AND c.app_name IN (SELECT free.app_name FROM :"schema".crontabber free
                     WHERE free.app_name = ANY ($1) AND free.ongoing IS NULL
                       AND coalesce(free.last_error::text IN ('{}', 'null'), true)
                     ORDER BY free.app_name
                     FOR UPDATE SKIP LOCKED)
