-- The artists and songs of `bench demo`: as many as the post's range of ids, each song with its artist.
CREATE TABLE main_artist (id serial PRIMARY KEY, name varchar(200) NOT NULL);
CREATE TABLE main_song (
    id serial PRIMARY KEY,
    artist_id integer NOT NULL REFERENCES main_artist,
    name varchar(200) NOT NULL,
    lyrics text NOT NULL
);
INSERT INTO main_artist (name)
SELECT 'Artist ' || pg_catalog.md5(n::text) FROM pg_catalog.generate_series(1, 12000) AS n;
INSERT INTO main_song (artist_id, name, lyrics)
SELECT 1 + (n::bigint * 7919 % 12000)::int, 'Song ' || pg_catalog.md5(n::text),
       pg_catalog.repeat(pg_catalog.md5((n % 1000)::text) || ' ', 1 + n % 12)
FROM pg_catalog.generate_series(1, 110000) AS n;
CREATE INDEX ON main_song (artist_id);
ANALYZE main_artist;
ANALYZE main_song;
