//! The floors of the house: which room may use which, read off the source.

mod dependencies;
mod source;

use std::collections::{BTreeMap, BTreeSet};

use source::{Arrow, Source};

/// The rooms, from the ground up: each is a file or a folder of `src`, and uses only what lies on floors below its own.
const FLOORS: &[&[&str]] = &[
    &["escape", "likeness", "marks", "secrets", "unsafe_spawn", "waits", "wrap"],
    &["error"],
    &["note", "output", "pattern", "rows", "sql", "trusted", "units"],
    &["conditions", "page", "render", "signals"],
    &["connect", "pipeline"],
    &["config", "session"],
    &["helper", "report"],
    &["answer"],
    &["console"],
    &["bench", "jobs", "locks", "log", "sandbox", "snapshot"],
    &["doctor", "upgrade"],
    &["commands"],
    &["start"],
    &["main", "lib"],
];

fn floor(room: &str) -> usize {
    FLOORS.iter().position(|rooms| rooms.contains(&room)).unwrap_or_else(|| {
        panic!("the room {room:?} stands on no floor: add it to FLOORS, and to docs/ARCHITECTURE.md")
    })
}

/// The arrows between rooms that do not lead down.
fn up(arrows: &[Arrow]) -> Vec<String> {
    arrows
        .iter()
        .filter(|arrow| arrow.user() != arrow.used())
        .filter(|arrow| floor(arrow.user()) <= floor(arrow.used()))
        .map(|arrow| format!("{} uses {}, which is not below it ({})", arrow.file, arrow.to, arrow.path))
        .collect()
}

#[test]
fn no_arrow_leads_up() {
    let source = Source::read("src");
    let arrows = source.arrows();
    assert!(arrows.len() > 500, "only {} uses were read", arrows.len());
    let wrong = up(&arrows);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_forbidden_use_is_seen_however_it_is_written() {
    for line in [
        "use crate::commands::args;",
        "use crate::{commands, error};",
        "use crate::{error::{self, Error}, commands::args as flags};",
        "pub use super::super::commands::args;",
        "fn f() { crate::commands::start::main(Vec::new()); }",
        "fn f() { use crate::commands::args; }",
        "struct S { args: crate::commands::args::FormatArgs }",
        "#[derive(Args)] struct S { #[arg(value_parser = crate::commands::args::parse)] field: u8 }",
        "fn f() { println!(\"{}\", crate::commands::COMMANDS.len()); }",
    ] {
        let mut source = Source::read("src");
        source.append("render/csv.rs", line);
        assert_eq!(up(&source.arrows_of(|path| path == "render/csv.rs")).len(), 1, "{line}");
    }
    // Tests may use what they like.
    let mut source = Source::read("src");
    source.append("render/csv.rs", "#[cfg(test)]\nmod more { use crate::commands::args; }");
    assert_eq!(up(&source.arrows_of(|path| path == "render/csv.rs")), Vec::<String>::new());
}

#[test]
fn every_room_stands_on_one_floor() {
    let rooms = Source::read("src").rooms();
    let listed: Vec<&str> = FLOORS.iter().flat_map(|rooms| rooms.iter().copied()).collect();
    let unique: BTreeSet<&str> = listed.iter().copied().collect();
    assert_eq!(listed.len(), unique.len(), "a room stands on two floors");
    assert_eq!(rooms.iter().map(String::as_str).collect::<BTreeSet<_>>(), unique);
}

#[test]
fn a_module_that_holds_modules_holds_no_logic() {
    let wrong = Source::read("src").logic_in_mod_files();
    assert!(wrong.is_empty(), "move these into files of their own: {}", wrong.join(", "));
}

#[test]
fn the_architecture_page_prints_the_floors() {
    let page = std::fs::read_to_string("docs/ARCHITECTURE.md").unwrap();
    let mut printed: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for line in page.lines() {
        // | 3 | `cell` | What it is. |
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let [_, floor, room, what, _] = cells[..]
            && let Ok(floor) = floor.parse()
        {
            assert!(what.len() > 10, "no sentence for {room}");
            printed.entry(floor).or_default().insert(room.trim_matches('`').to_owned());
        }
    }
    // `lib` only lists the others.
    let named =
        |rooms: &[&str]| rooms.iter().filter(|room| **room != "lib").map(|room| (*room).to_owned()).collect();
    let expected: BTreeMap<usize, BTreeSet<String>> =
        FLOORS.iter().enumerate().map(|(i, rooms)| (i + 1, named(rooms))).collect();
    assert_eq!(printed, expected);
}
