-- Event triggers that are disabled or that run at each login.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- key     = ["name"]
-- columns = ["name text", "event text", "disabled bool", "state text"]
-- [[check]]
-- name     = "event-trigger-disabled"
-- object   = "{name}"
-- only     = "disabled"
-- note     = "disabled"
-- finding  = "the event trigger {name} on {event} is {state}"
-- remedy   = "ALTER EVENT TRIGGER {name:ident} ENABLE, or drop it"
-- why      = "A disabled event trigger neither prevents nor records what it should. An error in the function of a login trigger locks everybody out, including superusers."
-- source   = "pg_event_trigger.evtenabled"
-- ignore   = "A trigger that is kept for later use."
-- optional = "lint"
-- [[check]]
-- name     = "event-trigger-disabled"
-- object   = "{name}"
-- only     = "not disabled"
-- warning  = "event = 'login'"
-- finding  = "the event trigger {name} runs at each login: if its function fails, nobody can log in"
-- remedy   = "prepare a way to log in without it: event_triggers = off needs a superuser on a running server, or single-user mode"
-- why      = "A disabled event trigger neither prevents nor records what it should. An error in the function of a login trigger locks everybody out, including superusers."
-- source   = "PostgreSQL's manual, Event Triggers, login (17 and later)"
-- ignore   = "It was written with care, and somebody knows how to log in without it."
-- optional = "lint"
SELECT e.evtname::text AS name, e.evtevent::text AS event, e.evtenabled IN ('D', 'R') AS disabled,
       CASE e.evtenabled WHEN 'R' THEN 'enabled only for replication' ELSE 'disabled' END AS state
FROM pg_catalog.pg_event_trigger e
WHERE (e.evtenabled IN ('D', 'R') OR e.evtevent = 'login')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_event_trigger'::regclass AND d.objid = e.oid
                                                       AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e')
ORDER BY e.evtname::text COLLATE "C"
