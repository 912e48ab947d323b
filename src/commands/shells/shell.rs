//! The completion script for each shell, and the answers to its questions.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::Command;
use clap_complete::CompletionCandidate;
use clap_complete::env::{Elvish, EnvCompleter, Powershell};

use super::line::{value, values};
use super::{bash, line};
use crate::commands::{complete, words};
use crate::connect::Environment;
use crate::error::{Error, Result};
use crate::{escape, output};

/// A shell that pgkit completes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// bash, version 3.2 or later.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
    /// PowerShell.
    Powershell,
    /// Elvish.
    Elvish,
}

/// The names that [`Shell::named`] knows.
pub const NAMES: [&str; 5] = ["bash", "zsh", "fish", "powershell", "elvish"];

impl Shell {
    /// The shell of this name.
    pub fn named(name: &str) -> Option<Shell> {
        Some(match name {
            "bash" => Shell::Bash,
            "zsh" => Shell::Zsh,
            "fish" => Shell::Fish,
            "powershell" | "pwsh" => Shell::Powershell,
            "elvish" => Shell::Elvish,
            _ => return None,
        })
    }
}

/// Returns the script that makes a shell ask pgkit.
pub fn script(shell: Shell) -> Result<String> {
    let theirs = |completer: &dyn EnvCompleter| {
        let mut script = Vec::new();
        completer
            .write_registration("COMPLETE", "pgkit", "pgkit", "pgkit", &mut script)
            .map_err(|e| Error::io("could not write the script", &e))?;
        String::from_utf8(script)
            .map_err(|e| Error::bug("the completion script is not valid UTF-8").caused_by(e))
    };
    match shell {
        Shell::Bash => Ok(include_str!("../../../completions/pgkit.bash").to_owned()),
        Shell::Zsh => Ok(include_str!("../../../completions/_pgkit").to_owned()),
        Shell::Fish => Ok(include_str!("../../../completions/pgkit.fish").to_owned()),
        Shell::Powershell => theirs(&Powershell),
        Shell::Elvish => theirs(&Elvish),
    }
}

/// Answers a script's question: `COMPLETE=bash pgkit -- …`. Without a command line it prints the script.
pub fn answer(env: &Environment, args: &[OsString], tree: impl FnOnce() -> Command) -> Result<()> {
    let named = env.nonempty("COMPLETE").unwrap_or_default();
    let name = Path::new(named).file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let shell = Shell::named(name).ok_or_else(|| {
        Error::usage(format!("COMPLETE={named}: unknown shell"))
            .hint(format!("must be one of {}", NAMES.join(", ")))
    })?;
    let Some(at) = args.iter().position(|a| a == "--") else {
        return output::print(&script(shell)?);
    };
    // pgkit completes nothing on a line that is not UTF-8.
    let Some(given) = args[at + 1..].iter().map(|a| a.to_str()).collect::<Option<Vec<&str>>>() else {
        return Ok(());
    };
    let old = env.nonempty("_CLAP_COMPLETE_INDEX").and_then(|i| i.parse().ok());
    let text = match (shell, old) {
        (Shell::Bash, None) => match given[..] {
            [line, region] => bash::answer(line, region, |words| candidates(tree(), words)),
            _ => String::new(),
        },
        // An old script does not quote, so it gets only names that need no quotes.
        (Shell::Bash, Some(index)) => {
            let words: Vec<String> = given.iter().take(index + 1).map(|w| line::word(w)).collect();
            let separator = env.nonempty("_CLAP_IFS").unwrap_or("\n");
            values(candidates(tree(), words)).filter(|v| is_plain(v)).collect::<Vec<_>>().join(separator)
        }
        (Shell::Zsh, index) => {
            let count = index.map_or(given.len(), |i: usize| i + 1);
            let mut words: Vec<String> = given.iter().take(count).map(|w| line::word(w)).collect();
            words.resize(count, String::new());
            candidates(tree(), words).iter().map(in_zsh).collect()
        }
        (Shell::Fish, _) => {
            let mut words: Vec<String> = given.iter().map(|w| (*w).to_owned()).collect();
            if let Some(typed) = words.last_mut() {
                *typed = line::fish_word(typed);
            }
            candidates(tree(), words).iter().map(|c| with_help(c) + "\n").collect()
        }
        (Shell::Powershell | Shell::Elvish, _) => {
            let words = given.iter().map(|w| (*w).to_owned()).collect();
            let plain = candidates(tree(), words).into_iter().filter(|c| is_plain(&value(c)));
            plain.map(|c| if shell == Shell::Elvish { value(&c) } else { with_help(&c) } + "\n").collect()
        }
    };
    output::print(&text)
}

/// Returns the candidates for the last of these words, without those that a terminal would act on.
fn candidates(mut tree: Command, words: Vec<String>) -> Vec<CompletionCandidate> {
    let Some(last) = words.len().checked_sub(1) else { return Vec::new() };
    complete::set_line(&words);
    let words = words::without_names_as_values(words, &tree);
    let words = words.into_iter().map(OsString::from).collect();
    let here = std::env::current_dir().ok();
    let found = clap_complete::engine::complete(&mut tree, words, last, here.as_deref()).unwrap_or_default();
    let is_text = |c: &CompletionCandidate| {
        c.get_value().to_str().is_some_and(|v| !v.is_empty() && !v.contains(escape::is_unsafe))
    };
    found.into_iter().filter(is_text).collect()
}

/// Returns the first line of a candidate's description, escaped, because a description may come from a report of
/// the user's own.
fn help(candidate: &CompletionCandidate) -> Option<String> {
    let text = candidate.get_help()?.to_string();
    Some(escape::terminal(text.lines().next().unwrap_or_default()).into_owned())
}

/// Formats a candidate with its description after a tab, as fish and PowerShell read it.
fn with_help(candidate: &CompletionCandidate) -> String {
    help(candidate).map_or_else(|| value(candidate), |help| format!("{}\t{help}", value(candidate)))
}

/// Formats a candidate with its description after a colon, as zsh's `_describe` reads it; other colons get a
/// backslash.
fn in_zsh(candidate: &CompletionCandidate) -> String {
    let value = value(candidate).replace('\\', "\\\\").replace(':', "\\:");
    let help = help(candidate).map(|help| format!(":{}", help.replace('\\', "\\\\")));
    value + &help.unwrap_or_default() + "\n"
}

/// Returns whether this is the same word in every shell even without quotes.
fn is_plain(value: &str) -> bool {
    value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '='))
}
