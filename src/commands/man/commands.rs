//! The page of all commands, generated from the command tree.

use clap::{Args, Command};

use super::roff::escaped;
use super::subject::SUBJECTS;
use crate::commands::args::ConnectionArgs;
use crate::error::{Error, Exit, Result};

/// Returns the page: the root, every command, the flags of every report, the exit codes, and the other pages.
pub fn page(tree: &Command) -> Result<String> {
    let failed = |e: std::io::Error| Error::bug("could not write the manual page").caused_by(e);
    let mut tree = tree.clone();
    tree.build();
    let mut out = Vec::new();
    let man = clap_mangen::Man::new(tree.clone()).section("1").manual("pgkit");
    man.render_title(&mut out).map_err(failed)?;
    man.render_name_section(&mut out).map_err(failed)?;
    man.render_synopsis_section(&mut out).map_err(failed)?;
    out.extend_from_slice(b".SH DESCRIPTION\nRecipes for PostgreSQL operations, as commands that can be piped: one object per line, nothing cut, nothing padded.\n");
    out.extend_from_slice(b"The connection flags can be given before or after the command.\n");
    man.render_options_section(&mut out).map_err(failed)?;
    for command in tree.get_subcommands() {
        render_command(command, &mut out).map_err(failed)?;
    }
    if let Some(report) = context_report(&tree) {
        render_shared(report, &mut out).map_err(failed)?;
    }
    render_exit_codes(&mut out).map_err(failed)?;
    render_subjects(&mut out).map_err(failed)?;
    String::from_utf8(out).map_err(|e| Error::bug("the manual page is not valid UTF-8").caused_by(e))
}

/// Returns any report, since all have the same shared flags.
fn context_report(tree: &Command) -> Option<&Command> {
    tree.get_subcommands().find(|c| c.get_arguments().any(|a| a.get_help_heading() == Some("Output")))
}

fn quote(text: &str) -> String {
    escaped(text, false)
}

fn render_exit_codes(out: &mut Vec<u8>) -> std::io::Result<()> {
    use std::io::Write;
    writeln!(out, ".SH EXIT STATUS")?;
    for exit in Exit::ALL {
        writeln!(out, ".TP\n{}\n{}.", exit.code(), quote(exit.meaning()))?;
    }
    Ok(())
}

fn render_subjects(out: &mut Vec<u8>) -> std::io::Result<()> {
    use std::io::Write;
    writeln!(out, ".SH SEE ALSO")?;
    let pages: Vec<String> =
        SUBJECTS.iter().map(|subject| format!("\\fBpgkit\\-{}\\fR(7)", quote(subject.name))).collect();
    writeln!(out, "{}: show each of them with \\fBpgkit man\\fR \\fISUBJECT\\fR.", pages.join(", "))
}

/// Renders a flag or an argument: its names, its value, what it does, and its possible values.
fn render_arg(arg: &clap::Arg, out: &mut Vec<u8>) -> std::io::Result<()> {
    use std::io::Write;
    let value = arg.get_value_names().filter(|_| arg.get_action().takes_values()).and_then(|n| n.first());
    let value = value.map_or_else(|| arg.get_id().as_str().to_uppercase(), |v| quote(v));
    let short = arg.get_short().map(|s| format!("\\fB\\-{s}\\fR"));
    let long = arg.get_long().map(|l| format!("\\fB\\-\\-{}\\fR", quote(l)));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    writeln!(out, ".TP")?;
    match (names.is_empty(), arg.get_action().takes_values()) {
        (true, _) => writeln!(out, "\\fI{value}\\fR")?,
        (false, true) => writeln!(out, "{} \\fI{value}\\fR", names.join(", "))?,
        (false, false) => writeln!(out, "{}", names.join(", "))?,
    }
    writeln!(out, "{}.", quote(&arg.get_help().map(ToString::to_string).unwrap_or_default()))?;
    let values: Vec<String> = arg.get_possible_values().iter().map(|v| quote(v.get_name())).collect();
    if arg.get_action().takes_values() && !values.is_empty() {
        writeln!(out, "One of: {}.", values.join(", "))?;
    }
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|v| quote(&v.to_string_lossy())).collect();
    if arg.get_action().takes_values() && !defaults.is_empty() {
        writeln!(out, "Default: {}.", defaults.join(", "))?;
    }
    Ok(())
}

/// Renders the flags that every report has.
fn render_shared(report: &Command, out: &mut Vec<u8>) -> std::io::Result<()> {
    out.extend_from_slice(b".SH FLAGS OF EVERY REPORT\n");
    let of_root = ConnectionArgs::augment_args(Command::new(""));
    let is_of_root = |arg: &clap::Arg| of_root.get_arguments().any(|other| other.get_id() == arg.get_id());
    for arg in report.get_arguments().filter(|a| a.get_help_heading().is_some() && !is_of_root(a)) {
        render_arg(arg, out)?;
    }
    Ok(())
}

/// Renders one command: what it does, its synopsis, and its own flags. The shared flags have their own chapters.
fn render_command(command: &Command, out: &mut Vec<u8>) -> std::io::Result<()> {
    use std::io::Write;
    writeln!(out, ".SH PGKIT {}", quote(&command.get_name().to_uppercase()))?;
    writeln!(out, "{}.", quote(&command.get_about().map(ToString::to_string).unwrap_or_default()))?;
    writeln!(out, ".PP\n\\fBpgkit {}\\fR [\\fIOPTIONS\\fR]", quote(command.get_name()))?;
    for arg in command.get_arguments().filter(|a| a.get_help_heading().is_none() && a.get_id() != "help") {
        render_arg(arg, out)?;
    }
    for sub in command.get_subcommands() {
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        writeln!(
            out,
            ".TP\n\\fBpgkit {} {}\\fR\n{}.",
            quote(command.get_name()),
            quote(sub.get_name()),
            quote(&about)
        )?;
        for arg in sub.get_arguments().filter(|a| a.get_help_heading().is_none() && a.get_id() != "help") {
            out.extend_from_slice(b".RS\n");
            render_arg(arg, out)?;
            out.extend_from_slice(b".RE\n");
        }
    }
    if let Some(after) = command.get_after_help() {
        writeln!(out, ".PP\n.nf\n{}\n.fi", quote(&after.to_string()))?;
    }
    Ok(())
}
