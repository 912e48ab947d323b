-- What pgkit's tables belong to: their version, and the server. changed_at is when another server, or another timeline
-- of it, was seen: what ran on the one before may still run. pruned_at is when a session last looked for rows that are too old.
CREATE TABLE :"schema".pgkit_meta (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version integer NOT NULL,
    system_identifier bigint NOT NULL,
    timeline text NOT NULL,
    changed_at timestamp with time zone,
    pruned_at timestamp with time zone
)
