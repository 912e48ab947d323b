-- crontabber's own index. There must never be a second unique index on app_name: crontabber recognizes this one by its name.
CREATE UNIQUE INDEX crontabber_unique_app_name_idx ON :"schema".crontabber (app_name)
