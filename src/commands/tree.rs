//! The tree of all commands.

use clap::{Arg, ArgAction, Args, Command};

use super::args::{ConnectionArgs, help_flag};
use super::params::report_command;
use super::table::{add_all, add_below};
use super::{COMMANDS, EXTENSIONS, groups, run, sessions};
use crate::report::{OwnReports, Report};

/// Returns the whole tree: the fixed commands, one command per report, and below `run` one for each of the user's
/// own reports.
pub fn tree(reports: &[Report], own: &OwnReports) -> Command {
    tree_of(reports, own, &|_| true)
}

/// Returns the tree for a command line that names these commands. The others may be no more than names.
pub fn tree_of(reports: &[Report], own: &OwnReports, is_named: &dyn Fn(&str) -> bool) -> Command {
    let mut root = ConnectionArgs::augment_args(Command::new("pgkit"))
        .about("The PostgreSQL toolkit that people on call reach for first")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .disable_version_flag(true)
        .args_override_self(true)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(110)
        .help_template(format!(
            "{{about-with-newline}}\n{{usage-heading}} pgkit [CONNECTION] COMMAND [FLAGS] …\n\n{}{{after-help}}",
            groups::overview(reports)
        ))
        .after_help(AFTER_HELP);
    root =
        root.next_help_heading("Help")
            .arg(help_flag())
            .arg(Arg::new("version").short('V').long("version").action(ArgAction::Version).help(
                "Print version; with --verbose also the commit, the TLS library and the supported servers",
            ))
            .next_help_heading(None);
    for report in reports {
        let command = report_command(report);
        // A command that is not on the command line needs no more than its name.
        let extension = EXTENSIONS.iter().find(|e| e.report == report.name && !report.texts.is_empty());
        root = root.subcommand(match extension {
            Some(extension) => add_below((extension.command)(command), extension.parts, is_named),
            None => command,
        });
    }
    let activity = reports.iter().find(|report| report.name == sessions::REPORT);
    for how in sessions::COMMANDS {
        root = root.subcommand(match is_named(how.name()) {
            true => sessions::command(how, activity),
            false => Command::new(how.name()),
        });
    }
    add_all(root.subcommand(run::command(own)), COMMANDS, is_named)
}

/// What follows the commands in `pgkit --help`.
const AFTER_HELP: &str = "pgkit help GROUP            what each command of a group does
pgkit COMMAND --help        a command's flags, and how to read its answer
pgkit man                   everything, with all exit codes
pgkit sandbox tour          try it on a throwaway server

Connection, as in psql: -h HOST, -p PORT, -U ROLE, -d DBNAME or URL, -w, -W; or
PG* variables, service file, password file, Unix socket. Also: -V (version)

Exit codes: 0 done, 1 bad answer, 64 usage, 65 bad data, 69 no connection,
74 output failed, 75 try again, 76 too old or no extension, 77 permission";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_holds_together() {
        tree(&crate::report::built_in(|_| true).unwrap(), &Vec::new()).debug_assert();
        for entry in COMMANDS {
            assert_eq!((entry.command)().get_name(), entry.name);
        }
    }
}
