-- The column that crontabber adds to a table of its own from before 0.18.
ALTER TABLE :"schema".crontabber ADD COLUMN ongoing timestamp with time zone
