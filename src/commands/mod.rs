//! One small file per command, which leads from the arguments to a report or an engine, and to the output. A new
//! command needs its file, a line among the modules and a line in [`COMMANDS`].

pub mod args;
pub mod bench;
pub mod complete;
pub mod completions;
mod config;
pub mod context;
mod databases;
mod doctor;
mod facts;
pub mod groups;
pub mod jobs;
pub mod listing;
pub mod locks;
pub mod log;
pub mod man;
pub mod open;
mod paragraphs;
pub mod params;
mod passwords;
mod plugin;
pub mod report;
pub mod run;
pub mod sandbox;
mod screen;
mod seats;
mod servers;
mod sessions;
pub mod shells;
mod signal;
mod snapshot;
mod source;
pub mod start;
pub mod table;
pub mod tree;
pub mod upgrade_check;
mod version;
pub mod waits;
mod words;

use table::{Entry, Extension, entry};

/// The commands that are not reports, in the order of `--help`.
pub const COMMANDS: &[Entry] = &[
    entry!("waits", waits::command, waits::run, group: sessions::GROUP),
    entry!("doctor", doctor::command, doctor::run),
    entry!("snapshot", snapshot::command, snapshot::run),
    entry!("log", log::command, log::run, parts: log::PARTS),
    entry!("bench", bench::command, bench::run, parts: bench::PARTS),
    entry!("jobs", jobs::command, jobs::run, parts: jobs::PARTS),
    entry!("upgrade-check", upgrade_check::command, upgrade_check::run),
    entry!("sandbox", sandbox::command, sandbox::run, parts: sandbox::PARTS),
    entry!("config", config::command, config::run, parts: config::PARTS),
    entry!("completions", completions::command, completions::run),
    entry!("man", man::command, man::run),
];

/// The reports whose commands do more than print the report.
pub const EXTENSIONS: &[Extension] = &[Extension {
    report: "locks",
    command: locks::command,
    parts: locks::PARTS,
    run: |context, report, root, own| Box::pin(locks::run(context, report, root, own)),
}];
