//! `pgkit bench` as a process against real servers.

mod measured;
mod refusals;

use crate::support::*;

/// A database with songs and artists.
fn songs(name: &str) -> Db {
    songs_on(bin(), name)
}

fn songs_on(bin: &Binaries, name: &str) -> Db {
    let db = database(server(bin).info(), name);
    db.sql(
        "CREATE TABLE artist (id int PRIMARY KEY, name text); CREATE TABLE song (id int PRIMARY KEY, artist_id int, name text);
         INSERT INTO artist SELECT n, 'artist ' || n FROM generate_series(1, 100) n;
         INSERT INTO song SELECT n, 1 + n % 100, 'song ''' || n FROM generate_series(1, 1000) n;
         CREATE TABLE written (a int); CREATE SEQUENCE counted",
    );
    db
}

const TWO: &str = "two look-ups=SELECT artist_id FROM song WHERE id = :id \\gset\nSELECT name FROM artist WHERE id = :artist_id";
const JOIN: &str = "join=SELECT a.name FROM song s JOIN artist a ON a.id = s.artist_id WHERE s.id = :id";

fn bench(db: &Db, args: &[&str]) -> Output {
    run(pgkit(db).arg("bench").args(args))
}

/// The rows of a tsv by column name of the first line.
fn rows(output: &Output) -> Vec<std::collections::BTreeMap<String, String>> {
    let mut lines = output.stdout.lines();
    let head: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    lines
        .map(|line| head.iter().map(|h| (*h).to_owned()).zip(line.split('\t').map(str::to_owned)).collect())
        .collect()
}
