//! The command `man`.

use clap::{Arg, ArgMatches, Command};

use super::subject::{self, SUBJECTS};
use super::{commands, roff};
use crate::commands::args;
use crate::commands::context::Context;
use crate::error::{Error, Exit, Result};
use crate::output::{self, Output, terminal};

/// Shows a page on a terminal, where `man` is installed.
const VIEWER: &str = "if command -v man >/dev/null; then exec man -l -; else exec cat; fi";

/// Returns the command.
pub fn command() -> Command {
    let subjects = clap::builder::PossibleValuesParser::new(SUBJECTS.iter().map(|subject| subject.name));
    args::command(
        "man",
        "Show the manual page of all commands or of one subject; in a pipe or a file, print its source",
    )
    .arg(Arg::new("subject").value_name("SUBJECT").value_parser(subjects).help("The page to show"))
    .after_help(args::example(&["pgkit man jobs", "pgkit man > ~/.local/share/man/man1/pgkit.1"]))
}

/// Prints the page: through `man` on a terminal, and its source for troff everywhere else.
pub async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    args::refuse_connection_flags(root, "man")?;
    let page = match own.get_one::<String>("subject") {
        None => commands::page(&context.tree)?,
        Some(name) => {
            let subject =
                subject::find(name).ok_or_else(|| Error::bug(format!("a subject without a page: {name}")))?;
            roff::page(&format!("pgkit-{name}"), subject.markdown)
        }
    };
    if !terminal::is_stdout() {
        output::print(&page)?;
        return Ok(Exit::Done);
    }
    let mut out = Output::new(Some(VIEWER.to_owned()), 0)?;
    out.buffer().extend_from_slice(page.as_bytes());
    out.flush()?;
    out.finish().await?;
    Ok(Exit::Done)
}
