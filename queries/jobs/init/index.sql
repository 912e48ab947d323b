-- crontabber's own index. There must never be a second unique one on app_name: crontabber knows this one by its name.
CREATE UNIQUE INDEX crontabber_unique_app_name_idx ON :"schema".crontabber (app_name)
