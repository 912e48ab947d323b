-- Records what the tables belong to, unless it is known already: $1 version, $2 the server, $3 its timeline.
INSERT INTO :"schema".pgkit_meta (version, system_identifier, timeline)
VALUES ($1::int8, $2::text::int8, $3)
ON CONFLICT DO NOTHING
