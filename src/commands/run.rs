//! `run NAME`: a report of the user's own; `run --list`: which there are.

use clap::ArgMatches;

use super::{Context, own_folders, report};
use crate::error::{self, Error, Exit, Result};
use crate::render::escape::terminal;
use crate::render::output;

/// Runs or lists.
pub async fn run(context: &Context, root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    let folders = || {
        let all: Vec<String> = own_folders(&context.env).iter().map(|f| f.display().to_string()).collect();
        all.join(", ")
    };
    if let Some(fault) = &context.own_fault {
        return Err(fault.clone());
    }
    match matches.subcommand() {
        Some((name, own)) => {
            let found = context.own.iter().find(|(n, _)| n == name).map(|(_, report)| report);
            match found {
                Some(Ok(found)) => report::run(context, found, root, own).await,
                Some(Err(e)) => Err(e.clone()),
                None => {
                    let names: Vec<&str> = context.own.iter().map(|(n, _)| n.as_str()).collect();
                    let error = Error::usage(format!("run: there is no report {name:?} in {}", folders()));
                    Err(if names.is_empty() {
                        error.hint("a report is a file NAME.sql there; `pgkit man` describes it")
                    } else {
                        error.hint(format!("your reports: {}", names.join(", ")))
                    })
                }
            }
        }
        None if matches.get_flag("list") => {
            let mut text = String::new();
            for (name, found) in &context.own {
                match found {
                    Ok(found) => {
                        text.push_str(&format!("{}\t{}\n", terminal(name), terminal(&found.summary)))
                    }
                    Err(e) => error::print(e),
                }
            }
            if context.own.is_empty() {
                error::note(&format!("pgkit: there are no reports in {}", folders()));
            }
            output::print(&text)?;
            Ok(Exit::Done)
        }
        None => Err(Error::usage("run: name one of your reports")
            .hint("pgkit run --list shows them")
            .hint(format!("a report is a file NAME.sql in one of: {}", folders()))),
    }
}
