//! The groups of commands: the overview of `pgkit --help`, and `pgkit help GROUP`.

use clap::Command;

use super::{COMMANDS, sessions};
use crate::report::Report;
use crate::wrap::wrapped;

/// The groups in the order of the overview, each with what its commands are about.
pub const GROUPS: &[(&str, &str)] = &[
    ("catalog", "what is in a database"),
    ("activity", "what sessions do, and what they wait for"),
    ("space", "what takes how much space, and how much of it is free"),
    ("indexes", "which indexes there are, and what is wrong with them"),
    ("tables", "how tables are used, vacuumed and keyed"),
    ("statements", "which statements cost how much"),
    ("server", "settings, memory, WAL, checkpoints, archiving and replication"),
    ("security", "roles, privileges, and what is more open than it should be"),
    (TOOLS, "everything that is not a report"),
];

/// The group of commands that no report's folder names.
pub const TOOLS: &str = "tools";

/// The width that the overview is laid out for; clap wraps it on a narrower terminal.
const WIDTH: usize = 78;

/// Returns the names of a group's commands, by name; the tools stand in the order of their table.
fn members<'a>(group: &str, reports: &'a [Report]) -> Vec<&'a str> {
    let of_reports = reports.iter().map(|report| (report.name.as_str(), report.group.as_str()));
    let of_sessions = sessions::COMMANDS.iter().map(|how| (how.name(), sessions::GROUP));
    let others = COMMANDS.iter().map(|entry| (entry.name, entry.group));
    let all = of_reports.chain(of_sessions).chain([("run", TOOLS)]).chain(others);
    let mut members: Vec<&str> = all.filter(|(_, of)| *of == group).map(|(name, _)| name).collect();
    if group != TOOLS {
        members.sort_unstable();
    }
    members
}

/// Returns the text below the usage of `pgkit --help`.
pub fn overview(reports: &[Report]) -> String {
    let indent = 2 + GROUPS.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 2;
    let mut out = String::new();
    for (group, _) in GROUPS {
        let lines = wrapped(&members(group, reports).join(" "), WIDTH - indent);
        for (i, line) in lines.iter().filter(|line| !line.is_empty()).enumerate() {
            let name = if i == 0 { *group } else { "" };
            out.push_str(&format!("  {name:<width$}{line}\n", width = indent - 2));
        }
    }
    out
}

/// Returns what `pgkit help GROUP` prints: each command of the group with what it does. `None` if there is no such
/// group.
pub fn help(group: &str, reports: &[Report], tree: &Command, width: usize) -> Option<String> {
    let (name, about) = GROUPS.iter().find(|(name, _)| *name == group)?;
    let members = members(name, reports);
    let indent = 2 + members.iter().map(|name| name.len()).max().unwrap_or(0) + 2;
    let mut out = format!("{name}: {about}\n\n");
    for member in &members {
        let command = tree.find_subcommand(member);
        let about = command.and_then(Command::get_about).map(ToString::to_string).unwrap_or_default();
        for (i, line) in wrapped(&about, width.saturating_sub(indent).max(20)).iter().enumerate() {
            let member = if i == 0 { *member } else { "" };
            out.push_str(&format!("  {member:<width$}{line}\n", width = indent - 2));
        }
    }
    out.push_str("\npgkit COMMAND --help shows the flags of a command and how to read its answer.\n");
    Some(out)
}
