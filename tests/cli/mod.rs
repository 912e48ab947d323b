//! pgkit as a process against a real server: stdout, stderr and exit code.

mod failures;
mod formats;
mod formula;
mod harmless;
mod hostile;
mod memory;
mod output;
mod pipeline;
mod pooler;
mod standby;
mod terminal;
mod usage;

use std::process::Command;

use crate::support::*;
use crate::support::{pooler as through, standby as recovery};

/// A folder with reports of one's own.
struct Own(tempfile::TempDir);

impl Own {
    /// Each report: its name, the columns of its header, its statement.
    fn new(reports: &[(&str, &str, &str)]) -> Own {
        let folder = tempfile::tempdir().unwrap();
        for (name, columns, sql) in reports {
            let text = format!("-- A report.\n--\n-- since = 10\n-- columns = [{columns}]\n{sql}\n");
            std::fs::write(folder.path().join(format!("{name}.sql")), text).unwrap();
        }
        Own(folder)
    }

    /// `pgkit run NAME …`
    fn run(&self, db: &Db, args: &[&str]) -> Command {
        let mut command = pgkit(db);
        command.env("PGKIT_QUERIES", self.0.path()).arg("run").args(args);
        command
    }
}

/// The whole of what a command left, with control characters shown and what differs from run to run named.
fn shown(command: &mut Command, db: Option<&Db>) -> String {
    let mut text = run(command).snapshot();
    if let Some(db) = db {
        text =
            text.replace(&db.name, "DATABASE").replace(&db.info.socket_dir.display().to_string(), "SOCKETS");
    }
    // The server's words are its own, and differ from version to version.
    let text = regex::Regex::new(r"the server says: .*").unwrap().replace_all(&text, "the server says: …");
    let text = regex::Regex::new(r"\S*/\.tmp\w+/").unwrap().replace_all(&text, "QUERIES/");
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' => out.push(c),
            '\t' => out.push('⇥'),
            c if c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}') =>
            {
                out.extend(c.escape_unicode());
            }
            c => out.push(c),
        }
    }
    // A line that ends in blanks says so.
    out.lines()
        .map(|line| if line.ends_with(' ') { format!("{line}¶\n") } else { format!("{line}\n") })
        .collect()
}

fn role_nobody(db: &Db) {
    db.sql(
        "DO $$ BEGIN CREATE ROLE catalog_nobody LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$",
    );
}
