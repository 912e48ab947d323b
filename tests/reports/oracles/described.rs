//! Compares the report `describe` with pg_dump: everything that a dump says about a relation or a function must be in the answer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pgkit::sandbox::{self, Binaries};

use super::facts::{self, Fact, plain};
use crate::reports::*;
use crate::support::*;

const OBJECTS: &str = include_str!("described.sql");

/// Returns the oldest pg_dump that can dump a server of this version, among those that pgkit finds and those in
/// `PGKIT_TEST_UPGRADE_BINS`.
fn pg_dump(major: u32) -> Option<PathBuf> {
    let listed = variable("PGKIT_TEST_UPGRADE_BINS").unwrap_or_default();
    let listed = listed.split(':').filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let listed =
        listed.map(|dir| sandbox::find_binaries(Some(&dir), &variable).unwrap_or_else(|e| panic!("{e}")));
    let all = sandbox::all_binaries().into_iter().chain(bins().iter().cloned()).chain(listed);
    let fit = all.filter(|bin| bin.major >= major && bin.program("pg_dump").is_file());
    fit.min_by_key(|bin| bin.major).map(|bin| bin.program("pg_dump"))
}

/// Creates the objects that a server of this version can have.
pub fn fill(db: &Db, major: u32) {
    db.sql(catalog::ROLES);
    for batch in catalog::batches(OBJECTS, major) {
        db.sql(&batch);
    }
}

/// Returns how an answer fails to state a fact; `None` if it states it.
fn missing(fact: &Fact, rows: &[Row]) -> Option<String> {
    let is_meant =
        |row: &&Row| row[0] == fact.section && fact.name.as_ref().is_none_or(|name| *name == row[1]);
    let mut meant = rows.iter().filter(is_meant);
    let Some(holds) = &fact.holds else {
        return meant.next().map(|row| format!("must not be there: {row:?}"));
    };
    // Some versions put values in quotes.
    let unquoted = |text: &str| plain(text).replace('\'', "");
    let says = |row: &Row| {
        let detail = unquoted(&row[2]);
        holds.iter().all(|text| detail.contains(&unquoted(text)))
            && fact.exactly.iter().all(|text| row[2].contains(text))
    };
    let meant: Vec<&Row> = meant.collect();
    if meant.iter().any(|row| says(row)) { None } else { Some(format!("{fact:?}\n    but: {meant:?}")) }
}

fn describe_says_all_that_pg_dump_writes_down(bin: &Binaries) {
    let Some(pg_dump) = pg_dump(bin.major) else {
        return say(format_args!(
            "not run: no pg_dump for PostgreSQL {} (PGKIT_TEST_UPGRADE_BINS)",
            bin.major
        ));
    };
    let db = database(server(bin).info(), "described");
    fill(&db, bin.major);
    let mut command = Command::new(pg_dump);
    command.env_clear().env("LC_ALL", "C.UTF-8").envs(db.info.env()).arg("-s").arg(&db.name);
    let dump = run(&mut command);
    assert_eq!(dump.code, Some(0), "{}", dump.stderr);
    let mut objects: BTreeMap<String, Vec<Fact>> = BTreeMap::new();
    for fact in facts::facts(&dump.stdout) {
        objects.entry(fact.object.clone()).or_default().push(fact);
    }
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (object, facts) in &objects {
        let rows = answer(&db, &["describe", object, "--columns", "section,name,detail"]);
        for fact in facts {
            *told.entry(fact.section).or_default() += 1;
            if let Some(fault) = missing(fact, &rows) {
                wrong.push(fault);
            }
        }
    }
    assert!(wrong.is_empty(), "{} on {}:\n{}", wrong.len(), bin.major, wrong.join("\n"));
    // What the objects of the oldest version have.
    let least = [
        ("relation", 50),
        ("column", 65),
        ("index", 18),
        ("constraint", 10),
        ("trigger", 9),
        ("function", 45),
    ];
    for (section, least) in least {
        assert!(told[section] >= least, "{section}: {told:?}");
    }
}
on_every_server!(describe_says_all_that_pg_dump_writes_down);
