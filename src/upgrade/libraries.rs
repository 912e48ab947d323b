//! The loadable libraries of the old cluster, and whether the new server has them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::finding::{Finding, Severity};

/// One use of a library.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// The database that it is used in.
    pub database: Option<String>,
    /// The library, as `LOAD` takes it.
    pub library: String,
    /// The extension whose functions load it.
    pub extension: Option<String>,
    /// The language whose handler loads it.
    pub language: Option<String>,
    /// The function, if it belongs to no extension.
    pub function: Option<String>,
    /// The logical replication slot that it decodes for.
    pub slot: Option<String>,
    /// The number of functions.
    pub functions: i64,
    /// The names of some of them.
    pub names: Vec<String>,
    /// The SQL that ends the use.
    pub sql: Option<String>,
}

impl Use {
    fn object(&self) -> String {
        match (&self.extension, &self.language, &self.function, &self.slot) {
            (Some(extension), ..) => format!("extension {extension}"),
            (_, Some(language), Some(function), _) => format!("language {language}, function {function}"),
            (_, _, Some(function), _) => format!("function {function}"),
            (.., Some(slot)) => format!("logical replication slot {slot}"),
            _ => "setting shared_preload_libraries".to_owned(),
        }
    }
}

/// What is known about a library on the new server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Loads,
    /// It loads, but only from shared_preload_libraries.
    LoadsPreloaded,
    /// It does not load, for this reason.
    Fails(String),
    /// It has not been tried.
    Unknown,
}

/// Libraries that came with PostgreSQL and no longer do: the name, the first version without it, and what was
/// removed.
const REMOVED: &[(&str, u32, &str)] = &[
    ("chkpass", 11, "contrib's chkpass was removed in 11"),
    ("timetravel", 12, "contrib's timetravel was removed in 12"),
    ("plpython2", 15, "Python 2 was removed in 15: use plpython3u"),
    ("hstore_plpython2", 15, "Python 2 was removed in 15: use hstore_plpython3u"),
    ("jsonb_plpython2", 15, "Python 2 was removed in 15: use jsonb_plpython3u"),
    ("ltree_plpython2", 15, "Python 2 was removed in 15: use ltree_plpython3u"),
    ("adminpack", 17, "contrib's adminpack was removed in 17"),
    ("old_snapshot", 17, "contrib's old_snapshot was removed in 17"),
];

/// Returns what can be known without the new server's programs.
pub fn by_catalog(library: &str, to: u32) -> Verdict {
    let name = library.strip_prefix("$libdir/").unwrap_or(library);
    match REMOVED.iter().find(|(removed, since, _)| *removed == name && to >= *since) {
        Some((.., why)) => Verdict::Fails((*why).to_owned()),
        None => Verdict::Unknown,
    }
}

/// Returns whether this error message says that the library must be loaded when the server starts.
pub fn wants_preload(said: &str) -> bool {
    said.contains("preload")
}

/// Returns all libraries, in the order in which pg_upgrade loads them: one that needs another has the longer name.
pub fn to_load(uses: &[Use]) -> Vec<String> {
    let all: BTreeSet<(usize, &str)> =
        uses.iter().map(|one| (one.library.len(), one.library.as_str())).collect();
    all.into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// Returns the findings about libraries. `preloaded` are those that the new cluster loads at its start, if that is
/// known.
pub fn findings(
    uses: &[Use],
    verdicts: &BTreeMap<String, Verdict>,
    preloaded: Option<&[String]>,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut fine: BTreeMap<(&str, &Told), Vec<&Use>> = BTreeMap::new();
    for one in uses {
        let library = one.library.as_str();
        match verdicts.get(library).unwrap_or(&Verdict::Unknown) {
            Verdict::Fails(why) => found.push(missing(one, why)),
            Verdict::Loads => fine.entry((library, &Told::Loads)).or_default().push(one),
            Verdict::LoadsPreloaded => {
                let configured = preloaded.map(|list| list.iter().any(|name| same(name, library)));
                let kind = match configured {
                    Some(true) => &Told::Configured,
                    Some(false) => &Told::NotConfigured,
                    None => &Told::ToConfigure,
                };
                fine.entry((library, kind)).or_default().push(one);
            }
            Verdict::Unknown => fine.entry((library, &Told::Unknown)).or_default().push(one),
        }
    }
    found.extend(fine.into_iter().map(|((library, kind), uses)| whole(library, kind, &uses)));
    found
}

/// What is reported about a library once, no matter what uses it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Loads,
    Configured,
    NotConfigured,
    ToConfigure,
    Unknown,
}

/// Returns whether this library is known to load when the server starts.
pub fn is_known(name: &str, verdicts: &BTreeMap<String, Verdict>) -> bool {
    verdicts.iter().any(|(library, verdict)| {
        matches!(verdict, Verdict::Loads | Verdict::LoadsPreloaded) && same(library, name)
    })
}

/// Returns whether two names mean the same library, as `$libdir/x` and `x` do.
fn same(a: &str, b: &str) -> bool {
    let bare = |name: &str| name.trim().trim_matches('"').trim_start_matches("$libdir/").to_owned();
    bare(a) == bare(b)
}

fn missing(one: &Use, why: &str) -> Finding {
    let setting = one.extension.is_none() && one.function.is_none() && one.slot.is_none();
    let (severity, problem) = if setting {
        (Severity::Hurts, format!("names {}, which the new server does not have", one.library))
    } else {
        (Severity::Stops, format!("uses the library {}, which the new server does not have", one.library))
    };
    let fix = if setting {
        "leave it out of the new server's settings, or install its library there".to_owned()
    } else if one.slot.is_some() {
        "install its library for the new server, or drop the slot".to_owned()
    } else if one.extension.is_some() {
        "install its library for the new server, or drop the extension".to_owned()
    } else {
        "install its library for the new server, or drop the function".to_owned()
    };
    let mut finding =
        Finding::new(severity, "libraries", one.object(), problem, fix).in_database(one.database.as_deref());
    finding.why = Some(if one.extension.is_some() {
        let more = if one.functions > one.names.len() as i64 { ", …" } else { "" };
        format!("{why}; {} functions use it: {}{more}", one.functions, one.names.join(", "))
    } else {
        why.to_owned()
    });
    finding.sql.clone_from(&one.sql);
    finding.run_in.clone_from(&one.database);
    finding
}

fn whole(library: &str, kind: &Told, uses: &[&Use]) -> Finding {
    let object = format!("library {library}");
    let used = |one: &&Use| match &one.database {
        Some(database) => format!("{} in {database}", one.object()),
        None => one.object(),
    };
    let why = format!("used by {}", uses.iter().map(used).collect::<Vec<_>>().join("; "));
    let (severity, problem, fix) = match kind {
        Told::Loads => (Severity::Note, "the new server loads it", "nothing"),
        Told::Configured => (Severity::Note, "the new server loads it at its start, as it must", "nothing"),
        Told::NotConfigured => (
            Severity::Stops,
            "loads only at the server's start, and the new cluster's settings do not name it",
            "put it into shared_preload_libraries of the new cluster before pg_upgrade",
        ),
        Told::ToConfigure => (
            Severity::Hurts,
            "loads only at the server's start",
            "put it into shared_preload_libraries of the new cluster before pg_upgrade, which stops otherwise",
        ),
        Told::Unknown => (
            Severity::Note,
            "the catalog does not show whether the new server has it",
            "try it: name the new server's programs with --new-bin-dir",
        ),
    };
    Finding::new(severity, "libraries", object, problem, fix).because(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(database: &str, library: &str, extension: Option<&str>) -> Use {
        Use {
            database: Some(database.into()),
            library: library.into(),
            extension: extension.map(str::to_owned),
            language: None,
            function: extension.is_none().then(|| "f(integer)".to_owned()),
            slot: None,
            functions: 3,
            names: vec!["f(integer)".into()],
            sql: Some("DROP …;".into()),
        }
    }

    #[test]
    fn libraries_load_shortest_name_first() {
        let uses = [
            used("a", "$libdir/hstore_plperl", Some("x")),
            used("a", "$libdir/plperl", Some("y")),
            used("b", "$libdir/hstore", Some("z")),
            used("b", "$libdir/plperl", None),
        ];
        assert_eq!(to_load(&uses), ["$libdir/hstore", "$libdir/plperl", "$libdir/hstore_plperl"]);
    }

    #[test]
    fn a_missing_library_stops_at_every_use_and_one_that_loads_is_told_once() {
        let uses = [
            used("a", "$libdir/gone", Some("gone")),
            used("b", "$libdir/gone", None),
            used("a", "$libdir/here", Some("here")),
            used("b", "$libdir/here", Some("here")),
        ];
        let verdicts = BTreeMap::from([
            ("$libdir/gone".to_owned(), Verdict::Fails("no such file".into())),
            ("$libdir/here".to_owned(), Verdict::Loads),
        ]);
        let mut found = findings(&uses, &verdicts, None);
        found.sort();
        let seen: Vec<(Severity, &str)> = found.iter().map(|f| (f.severity, f.object.as_str())).collect();
        assert_eq!(
            seen,
            [
                (Severity::Stops, "extension gone"),
                (Severity::Stops, "function f(integer)"),
                (Severity::Note, "library $libdir/here")
            ]
        );
        assert_eq!(found[2].why.as_deref(), Some("used by extension here in a; extension here in b"));
    }

    #[test]
    fn a_library_that_must_be_preloaded_stops_only_where_it_is_known_not_to_be() {
        let uses = [used("a", "$libdir/pg_cron", Some("pg_cron"))];
        let verdicts = BTreeMap::from([("$libdir/pg_cron".to_owned(), Verdict::LoadsPreloaded)]);
        let severity = |preloaded: Option<&[String]>| findings(&uses, &verdicts, preloaded)[0].severity;
        assert_eq!(severity(None), Severity::Hurts);
        assert_eq!(severity(Some(&[])), Severity::Stops);
        assert_eq!(severity(Some(&["pg_cron".to_owned()])), Severity::Note);
        assert!(wants_preload("pg_cron can only be loaded via shared_preload_libraries"));
    }

    #[test]
    fn the_catalog_alone_knows_what_postgresql_itself_gave_up() {
        assert!(matches!(by_catalog("$libdir/adminpack", 17), Verdict::Fails(_)));
        assert_eq!(by_catalog("$libdir/adminpack", 16), Verdict::Unknown);
        assert_eq!(by_catalog("json_enhancements", 18), Verdict::Unknown);
    }
}
