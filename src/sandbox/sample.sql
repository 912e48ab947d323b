-- The sample data of `pgkit sandbox`: the database of the posts, at one twenty-thousandth of its size.
--
-- One message, so one transaction; for PostgreSQL 10 to 18; the same rows every time. Sizes keep the order that
-- the post about the weight of tables shows: 50 kB here for each GB there. A row of 944 bytes makes eight a page,
-- too short for TOAST and its compression, so that pages can be counted beforehand.

COMMENT ON SCHEMA public IS 'A crash reporting system, as it was in 2015';
CREATE SCHEMA archive;
COMMENT ON SCHEMA archive IS 'Partitions of earlier months';

CREATE TYPE crash_type AS ENUM ('browser', 'plugin', 'content', 'hang');
CREATE DOMAIN signature AS text CHECK (length(VALUE) <= 255);
CREATE TYPE release AS (product text, version text, channel text);
CREATE SEQUENCE ticket_numbers INCREMENT 10 START 1000;

-- ---------------------------------------------------------------- big tables, and families by date
CREATE TABLE reports (id bigint, at timestamptz NOT NULL, body text);
COMMENT ON TABLE reports IS 'One row a crash; the rows are in the tables that inherit from it';

DO $do$
DECLARE
  big record;
  weekly record;
  week date;
  pages int;
  name text;
  fill constant text := 'INSERT INTO %I SELECT g, timestamptz ''2015-10-26 00:00+00'' - g * interval ''1 min'', '
    'repeat(md5(g::text), 28) || ''abcd'' FROM generate_series(1, %s * 8) g';
BEGIN
  FOR big IN
    SELECT * FROM (VALUES ('raw_adi_logs', 92), ('raw_adi', 90), ('tcbs', 45), ('exploitability_reports', 41),
      ('reports_duplicates', 31), ('addresses', 26)) v (name, pages)
  LOOP
    EXECUTE format('CREATE TABLE %I (id bigint PRIMARY KEY, at timestamptz NOT NULL, body text)', big.name);
    EXECUTE format(fill, big.name, big.pages);
  END LOOP;

  -- Weeks count back from the last one; `top` is the biggest of a family.
  FOR weekly IN
    SELECT * FROM (VALUES ('missing_symbols', 13, date '2015-08-24', 18), ('reports_user_info', 58, '2015-10-26', 17),
      ('reports_clean', 40, '2015-10-26', 17), ('reports', 38, '2015-10-26', 17), ('extensions', 5, '2015-10-26', 15),
      ('signature_summary_uptime', 3, '2015-10-26', 11)) v (family, weeks, last, top)
  LOOP
    FOR i IN 0..weekly.weeks - 1 LOOP
      week := weekly.last - 7 * i;
      name := weekly.family || '_' || to_char(week, 'YYYYMMDD');
      pages := CASE name
        WHEN 'missing_symbols_20150601' THEN 22
        WHEN 'missing_symbols_20150608' THEN 21
        WHEN 'missing_symbols_20150622' THEN 20
        WHEN 'missing_symbols_20150615' THEN 19
        ELSE weekly.top - i % 2
      END;
      EXECUTE format('CREATE TABLE %I (id bigint, at timestamptz NOT NULL, body text)', name);
      EXECUTE format(fill, name, pages);
      IF weekly.family = 'reports' THEN
        EXECUTE format('ALTER TABLE %I INHERIT reports', name);
      END IF;
    END LOOP;
  END LOOP;
END $do$;

COMMENT ON TABLE tcbs IS 'Top crashers by signature';
COMMENT ON COLUMN addresses.body IS 'The address, padded';
CREATE INDEX addresses_at_idx ON addresses (at);
CREATE INDEX tcbs_body_start_idx ON tcbs (left(body, 8)) WHERE id > 0;

-- ---------------------------------------------------------------- native partitions, two levels, two schemas
CREATE TABLE crashes (id bigint NOT NULL, at date NOT NULL, product text NOT NULL, kind crash_type, signature signature)
  PARTITION BY RANGE (at);
COMMENT ON TABLE crashes IS 'Crashes by month, then by product';
DO $do$
DECLARE
  month date;
  name text;
  home text;
BEGIN
  FOR i IN 0..3 LOOP
    month := (date '2015-10-01' - make_interval(months => i))::date;
    name := 'crashes_' || to_char(month, 'YYYYMM');
    home := CASE WHEN i < 2 THEN 'public' ELSE 'archive' END;
    EXECUTE format('CREATE TABLE %I.%I PARTITION OF crashes FOR VALUES FROM (%L) TO (%L) PARTITION BY LIST (product)',
      home, name, month, (month + interval '1 month')::date);
    EXECUTE format('CREATE TABLE %I.%I PARTITION OF %1$I.%3$I FOR VALUES IN (''Firefox'')', home, name || '_firefox', name);
    EXECUTE format('CREATE TABLE %I.%I PARTITION OF %1$I.%3$I FOR VALUES IN (''Thunderbird'', ''SeaMonkey'')',
      home, name || '_other', name);
  END LOOP;
  IF current_setting('server_version_num')::int >= 110000 THEN
    EXECUTE 'CREATE INDEX crashes_at_idx ON crashes (at)';
  END IF;
END $do$;
INSERT INTO crashes
  SELECT g, date '2015-07-01' + g % 120, (ARRAY['Firefox', 'Firefox', 'Firefox', 'Thunderbird', 'SeaMonkey'])[1 + g % 5],
    (enum_range(NULL::crash_type))[1 + g % 4], 'js::Interpret' || g % 50
  FROM generate_series(1, 6000) g;

-- ---------------------------------------------------------------- lone tables
CREATE TABLE products (product_name text PRIMARY KEY, release_name text, sort int NOT NULL DEFAULT 0);
INSERT INTO products VALUES ('Firefox', 'firefox', 1), ('Thunderbird', 'thunderbird', 2), ('SeaMonkey', 'seamonkey', 3);
CREATE TABLE product_versions (
  product_version_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  product_name text NOT NULL REFERENCES products,
  version text NOT NULL,
  build_date date NOT NULL,
  sunset_date date NOT NULL,
  CONSTRAINT sunset_after_build CHECK (sunset_date > build_date),
  UNIQUE (product_name, version)
);
INSERT INTO product_versions (product_name, version, build_date, sunset_date)
  SELECT product_name, (30 + g)::text || '.0', date '2014-06-10' + 42 * g, date '2014-09-10' + 42 * g
  FROM products, generate_series(1, 12) g ORDER BY 1, 2;
-- Its name ends in a digit, and it belongs to no family.
CREATE TABLE oauth2 (token text PRIMARY KEY, owner name NOT NULL DEFAULT current_user, issued timestamptz NOT NULL);
INSERT INTO oauth2 SELECT md5(g::text), CASE WHEN g % 2 = 0 THEN 'postgres' ELSE 'nobody' END, timestamptz '2015-01-01 00:00+00' + g * interval '1 h'
  FROM generate_series(1, 500) g;
ALTER TABLE oauth2 ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tokens ON oauth2 USING (owner = current_user);
COMMENT ON POLICY own_tokens ON oauth2 IS 'Everybody sees the tokens of his own';
-- Nearly all of it is TOAST.
CREATE TABLE minidumps (id int PRIMARY KEY, dump text);
ALTER TABLE minidumps ALTER COLUMN dump SET STORAGE EXTERNAL;
INSERT INTO minidumps SELECT g, repeat(md5(g::text), 250) FROM generate_series(1, 8) g;
CREATE UNLOGGED TABLE session_cache (key text PRIMARY KEY, value json);

-- Old-style inheritance, routed by a trigger.
CREATE TABLE raw_crashes (uuid text NOT NULL, received date NOT NULL, raw json);
CREATE TABLE raw_crashes_new (CHECK (received >= '2015-10-01')) INHERITS (raw_crashes);
CREATE TABLE raw_crashes_old (CHECK (received < '2015-10-01')) INHERITS (raw_crashes);
CREATE FUNCTION raw_crashes_insert() RETURNS trigger LANGUAGE plpgsql AS $fn$
BEGIN
  IF new.received >= '2015-10-01' THEN
    INSERT INTO raw_crashes_new VALUES (new.*);
  ELSE
    INSERT INTO raw_crashes_old VALUES (new.*);
  END IF;
  RETURN NULL;
END $fn$;
CREATE TRIGGER raw_crashes_route BEFORE INSERT ON raw_crashes FOR EACH ROW EXECUTE PROCEDURE raw_crashes_insert();
INSERT INTO raw_crashes SELECT md5(g::text), date '2015-09-15' + g % 30, json_build_object('n', g) FROM generate_series(1, 300) g;

-- ---------------------------------------------------------------- views
CREATE VIEW crashes_by_week AS
  SELECT date_trunc('week', at)::date AS week, product, count(*) AS crashes FROM crashes GROUP BY 1, 2;
CREATE VIEW current_versions AS
  SELECT v.product_name, v.version FROM product_versions v JOIN products USING (product_name) WHERE v.sunset_date > '2015-10-31';
COMMENT ON VIEW current_versions IS 'Versions that are still supported';
CREATE MATERIALIZED VIEW top_crashers AS
  SELECT signature, count(*) AS crashes, min(at) AS first_seen FROM crashes GROUP BY signature;
CREATE UNIQUE INDEX top_crashers_signature_idx ON top_crashers (signature);

-- ---------------------------------------------------------------- functions
CREATE FUNCTION weight(rel regclass) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT pg_catalog.pg_total_relation_size($1)';
CREATE FUNCTION weight(schema_name text, rel_name text DEFAULT 'reports') RETURNS bigint LANGUAGE sql STABLE
  AS 'SELECT pg_catalog.pg_total_relation_size(pg_catalog.format(''%I.%I'', $1, $2)::pg_catalog.regclass)';
CREATE FUNCTION weight(VARIADIC rels regclass[]) RETURNS numeric LANGUAGE sql STABLE
  AS 'SELECT pg_catalog.sum(pg_catalog.pg_total_relation_size(r)) FROM pg_catalog.unnest($1) r';
COMMENT ON FUNCTION weight(regclass) IS 'What a table weighs, with its indexes and TOAST';
CREATE FUNCTION crashes_between(since date, until date, OUT product text, OUT crashes bigint) RETURNS SETOF record
  LANGUAGE sql STABLE AS 'SELECT product, pg_catalog.count(*) FROM crashes WHERE at >= $1 AND at < $2 GROUP BY 1';
CREATE FUNCTION update_tcbs(day date, check_rows boolean DEFAULT true) RETURNS void LANGUAGE plpgsql
  AS $fn$ BEGIN PERFORM 1 FROM reports_duplicates WHERE at::date = day; END $fn$;
CREATE FUNCTION row_place() RETURNS bigint LANGUAGE internal WINDOW IMMUTABLE AS 'window_row_number';
CREATE AGGREGATE longest(text) (SFUNC = text_larger, STYPE = text);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $fn$ BEGIN new.sort := coalesce(new.sort, 0); RETURN new; END $fn$;
CREATE TRIGGER products_touch BEFORE UPDATE ON products FOR EACH ROW EXECUTE PROCEDURE touch();
DO $do$
BEGIN
  IF current_setting('server_version_num')::int >= 110000 THEN
    EXECUTE $sql$CREATE PROCEDURE archive_month(month date) LANGUAGE plpgsql AS 'BEGIN COMMIT; END'$sql$;
  END IF;
END $do$;

-- ---------------------------------------------------------------- for `relations | grep -i crap`
CREATE TABLE crap_reports (id int PRIMARY KEY, reason text);
INSERT INTO crap_reports SELECT g, 'no stack' FROM generate_series(1, 40) g;
COMMENT ON TABLE crap_reports IS 'Reports too damaged to be processed';
CREATE VIEW crap_by_reason AS SELECT reason, count(*) AS reports FROM crap_reports GROUP BY 1;
CREATE FUNCTION purge_crap(older_than interval DEFAULT '90 days') RETURNS bigint LANGUAGE sql
  AS 'WITH gone AS (DELETE FROM crap_reports RETURNING 1) SELECT pg_catalog.count(*) FROM gone';
CREATE TABLE scraped_signatures (signature signature);
CREATE TABLE "Crap_Old" (id int);

-- ---------------------------------------------------------------- crontabber's state and log
CREATE TABLE crontabber (
    app_name text NOT NULL,
    next_run timestamp with time zone,
    first_run timestamp with time zone,
    last_run timestamp with time zone,
    last_success timestamp with time zone,
    ongoing timestamp with time zone,
    error_count integer DEFAULT 0,
    depends_on text[],
    last_error json
);
CREATE UNIQUE INDEX crontabber_unique_app_name_idx ON crontabber (app_name);
CREATE TABLE crontabber_log (
    id SERIAL NOT NULL,
    app_name text NOT NULL,
    log_time timestamp with time zone DEFAULT now() NOT NULL,
    duration interval,
    success timestamp with time zone,
    exc_type text,
    exc_value text,
    exc_traceback text
);
INSERT INTO crontabber (app_name, next_run, first_run, last_run, last_success, ongoing, error_count, depends_on, last_error) VALUES
  ('duplicates', '2017-03-04 13:00+00', '2015-06-01 12:00+00', '2017-03-04 12:00+00', '2017-03-04 12:00+00', NULL, 0, '{}', '{}'),
  ('reports-clean', '2017-03-04 13:00+00', '2015-06-01 12:00+00', '2017-03-04 12:00:30+00', '2017-03-04 12:00:30+00', NULL, 0,
    '{duplicates}', '{}'),
  ('missing-symbols', '2017-03-05 02:00+00', '2015-06-01 02:00+00', '2017-03-04 02:00+00', '2017-03-03 02:00+00', NULL, 1, '{}',
    '{"type": "<class ''psycopg2.OperationalError''>", "value": "could not obtain lock on row in relation \"crontabber\"", "traceback": "Traceback (most recent call last): ..."}'),
  ('tcbs', '2017-03-04 13:00+00', '2015-06-01 12:00+00', '2017-03-04 12:01+00', '2017-03-04 12:01+00', NULL, 0,
    '{reports-clean,missing-symbols}', '{}'),
  ('fetch-adi-from-hive', '2017-03-05 08:20+00', '2015-06-01 08:20+00', '2017-03-04 08:20+00', '2017-03-04 08:20+00',
    '2017-03-04 12:05+00', 0, '{}', '{}');
INSERT INTO crontabber_log (app_name, log_time, duration, success, exc_type, exc_value, exc_traceback)
  SELECT app_name, at + took, took, at, NULL, NULL, NULL
  FROM (SELECT app_name, timestamptz '2017-03-04 12:00+00' - g * interval '1 h' AS at, (5 + g % 7) * interval '1 s' AS took
    FROM crontabber, generate_series(1, 24) g WHERE app_name <> 'missing-symbols') r
  ORDER BY at, app_name;
INSERT INTO crontabber_log (app_name, log_time, duration, success, exc_type, exc_value, exc_traceback) VALUES
  ('missing-symbols', '2017-03-04 02:00:04+00', '4 s', NULL, '<class ''psycopg2.OperationalError''>',
    'could not obtain lock on row in relation "crontabber"', 'Traceback (most recent call last): ...');
