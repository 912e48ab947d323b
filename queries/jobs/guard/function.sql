-- What keeps a crontabber from taking a job that runs: it reads whether a job is ongoing and writes that it is in two
-- steps, so two may start at once. A young claim is refused with the error that crontabber takes for a lost race (its exit
-- code 2), which it knows by the name of its index. Whoever knows the claim may replace it.
CREATE FUNCTION :"schema".pgkit_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp
AS $guard$
DECLARE
    most interval;
BEGIN
    IF nullif(current_setting('pgkit.claim', true), '')::timestamptz = OLD.ongoing THEN
        RETURN NEW;
    END IF;
    BEGIN
        EXECUTE format('SELECT max_ongoing_age FROM %I.pgkit_job WHERE app_name = $1', TG_TABLE_SCHEMA)
        INTO most USING NEW.app_name;
    EXCEPTION WHEN insufficient_privilege OR undefined_table THEN
        most := NULL;
    END;
    -- A claim from the future is one whose clock is ahead.
    IF clock_timestamp() - OLD.ongoing < coalesce(most, '12 hours') THEN
        RAISE unique_violation USING
            MESSAGE = format('job %L is ongoing since %s: "crontabber_unique_app_name_idx" counts as violated',
                             NEW.app_name, OLD.ongoing),
            CONSTRAINT = 'crontabber_unique_app_name_idx', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA,
            HINT = 'pgkit jobs guard remove takes this guard away';
    END IF;
    RETURN NEW;
END
$guard$
