//! The tree of all commands.

use clap::{Arg, ArgAction, Args, Command};

use super::args::{ConnectionArgs, help_flag};
use super::params::report_command;
use super::table::add_all;
use super::{COMMANDS, EXTENSIONS, run};
use crate::report::{OwnReports, Report};

/// Returns the whole tree: the fixed commands, one command per report, and below `run` one for each of the user's
/// own reports.
pub fn tree(reports: &[Report], own: &OwnReports) -> Command {
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
        .after_help(
            "The connection is psql's: flags, PG* variables, service file, password file, Unix socket.\n\
             Nothing at hand? `pgkit sandbox tour` starts a throwaway server and shows it all.\n\
             Exit codes: 0 done, 1 the answer is bad, 64 usage, 65 bad data, 69 no connection, 74 output failed,\n\
             75 try again, 76 server too old, 77 permission; all of them: pgkit man",
        );
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
            Some(extension) => (extension.command)(command),
            None => command,
        });
    }
    add_all(root.subcommand(run::command(own)), COMMANDS)
}

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
