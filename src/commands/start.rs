//! Leads from a command line to the command that it names, and from there to an exit code.

use std::ffi::OsString;

use clap::ArgMatches;

use super::context::{Context, own_folders};
use super::passwords::Passwords;
use super::{
    COMMANDS, EXTENSIONS, config, groups, jobs, report, run, sessions, shells, table, tree, version, words,
};
use crate::config::Config;
use crate::connect::{Environment, Printed, environment};
use crate::error::{self, Error, Exit, Result};
use crate::output::{self, terminal};
use crate::report as reports;
use crate::session::InFlight;
use crate::signals;

/// The commands that run whatever the configuration file says.
const WITHOUT_CONFIG: [&str; 3] = ["man", "completions", "config"];

/// Runs one command line and returns its exit code. Everything that it has to say has been printed by then.
pub fn main(args: Vec<OsString>) -> Exit {
    match start(args) {
        Ok(exit) => exit,
        Err(e) => {
            error::print(&e);
            e.exit
        }
    }
}

fn start(args: Vec<OsString>) -> Result<Exit> {
    let env = environment();
    let completing = env.nonempty("COMPLETE").is_some_and(|shell| shell != "0");
    let takes_all = |word: &OsString| {
        word == "snapshot" || word == "doctor" || WITHOUT_CONFIG.iter().any(|name| word == name)
    };
    let all = !completing && args.iter().any(takes_all);
    // Parsing a header takes time, so only the reports are read whose names are on the command line. While a shell
    // completes, the line may be a single argument.
    let line = args.clone();
    let typed: Vec<&str> = line.iter().filter_map(|a| a.to_str()).flat_map(str::split_whitespace).collect();
    // `cancel` and `terminate` have the flags of a report.
    let signals = typed.iter().any(|a| sessions::COMMANDS.iter().any(|how| *a == how.name()));
    let is_read = |name: &str| all || typed.contains(&name) || (signals && name == sessions::REPORT);
    let reports = reports::built_in(is_read)?;
    let of_doctor = if all { reports::of_doctor()? } else { Vec::new() };
    // Only these need the user's folder, and then the word is on the command line.
    let meant = args.iter().any(|a| a == "run" || a == "snapshot" || a == "doctor" || a == "config");
    let read = if meant { reports::own(&own_folders(&env)) } else { Ok(Vec::new()) };
    // A folder that cannot be read is an error only for `run`, which may not be the command after all.
    let (own, own_fault) = match read {
        Ok(own) => (own, None),
        Err(e) => (Vec::new(), Some(e)),
    };
    if completing {
        shells::answer(&env, &args, || tree::tree(&reports, &own))?;
        return Ok(Exit::Done);
    }
    if version::is_asked_for(&args) {
        output::print(&version::text())?;
        return Ok(Exit::Done);
    }
    let is_plugin = jobs::is_plugin(&args);
    // Help lists commands that are not on the command line, with what they do.
    let wants_help = |word: &&str| *word == "help" || word.starts_with("--he") || words::has_short(word, '?');
    let whole = all || typed.iter().any(wants_help);
    let tree = tree::tree_of(&reports, &own, &|name| whole || typed.contains(&name));
    // Help and the manual are there whatever the file says, and `config` says itself what is wrong with it.
    let (config, mut config_fault) = match config::load(&env) {
        Ok(config) => (config, None),
        Err(errors) => (Config::default(), Some(config::first(errors))),
    };
    let args = words::help_first(args, &tree);
    if let [_, help, group] = args.as_slice()
        && help == "help"
        && let Some(text) = groups::help(&group.to_string_lossy(), &reports, &tree, help_width(&env))
    {
        output::print(&text)?;
        return Ok(Exit::Done);
    }
    let args = words::arranged(args, &tree);
    let with_defaults = config::apply(tree.clone(), &config, &reports, &typed).unwrap_or_else(|e| {
        config_fault = Some(e);
        tree.clone()
    });
    let matches = match with_defaults.try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(e) => {
            let exit = usage(&e, &tree)?;
            let text = e.render().to_string();
            let first = text.strip_prefix("error: ").unwrap_or(&text).lines().next().unwrap_or_default();
            return Ok(if is_plugin && exit == Exit::Usage { jobs::unknown(first) } else { exit });
        }
    };
    let context = Context {
        tree,
        config,
        config_fault,
        printed: Printed::default(),
        passwords: Passwords::default(),
        has_warned: std::cell::Cell::default(),
        env,
        running: InFlight::default(),
        ending: signals::Ending::default(),
        reports,
        of_doctor,
        own,
        own_fault,
    };
    let told = signals::listen()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::io("could not start the runtime", &e))?;
    let exit = runtime.block_on(async {
        // It must not be dropped before it is cancelled: dropping it loses track of what it runs.
        let mut work = std::pin::pin!(dispatch(&context, &matches));
        tokio::select! {
            exit = &mut work => exit,
            Ok(exit) = told => {
                if context.ending.tell(exit) {
                    work.await
                } else {
                    context.running.cancel().await;
                    terminal::leave_screen();
                    Ok(exit)
                }
            }
        }
    });
    // Do not wait for a driver that is still draining a cancelled answer.
    runtime.shutdown_background();
    exit
}

/// The width for a help text that clap does not wrap.
fn help_width(env: &Environment) -> usize {
    terminal::size(env.var("COLUMNS")).map_or(100, |(width, _)| width.min(110))
}

/// Handles clap's errors: help and version are answers, everything else is wrong usage.
fn usage(e: &clap::Error, tree: &clap::Command) -> Result<Exit> {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    match e.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            output::print(&e.render().to_string())?;
            Ok(Exit::Done)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            error::note(e.render().to_string().trim_end());
            Ok(Exit::Usage)
        }
        ErrorKind::InvalidSubcommand => {
            let word = match e.get(ContextKind::InvalidSubcommand) {
                Some(ContextValue::String(word)) => word.as_str(),
                _ => "",
            };
            let mut error = Error::usage(format!("unknown command {:?}", crate::secrets::masked(word)));
            // For an unknown subcommand, refer to the help of the command above it.
            let of = e.get(ContextKind::Usage).map(|usage| usage.to_string()).unwrap_or_default();
            let of =
                of.trim_start_matches("Usage: ").split(" [").next().unwrap_or("pgkit").split(" <").next();
            let of = of.unwrap_or("pgkit");
            let parent = of.split(' ').skip(1).try_fold(tree, |tree, name| tree.find_subcommand(name));
            error = error.hint(match parent.and_then(|parent| words::hint(word, parent)) {
                Some(hint) => hint,
                None => format!("{of} --help lists the commands"),
            });
            error::print(&error);
            Ok(Exit::Usage)
        }
        _ => {
            // An argument in the wrong place may be a connection string with a password.
            let text = crate::secrets::masked(&e.render().to_string());
            let text = text.trim_end();
            let text =
                crate::escape::terminal_lines(text.strip_prefix("error: ").unwrap_or(text)).into_owned();
            error::note(&format!("pgkit: {text}"));
            Ok(Exit::Usage)
        }
    }
}

async fn dispatch(context: &Context, matches: &ArgMatches) -> Result<Exit> {
    let Some((name, own)) = matches.subcommand() else {
        return Err(Error::bug("a command line without a command"));
    };
    if let Some(fault) = &context.config_fault
        && !WITHOUT_CONFIG.contains(&name)
    {
        return Err(fault.clone());
    }
    if name == "run" {
        return run::run(context, matches, own).await;
    }
    if let Some(how) = sessions::COMMANDS.into_iter().find(|how| how.name() == name) {
        return sessions::run(context, how, matches, own).await;
    }
    let Some(found) = context.reports.iter().find(|r| r.name == name) else {
        return table::dispatch(COMMANDS, context, matches, (name, own)).await;
    };
    match EXTENSIONS.iter().find(|extension| extension.report == name) {
        Some(extension) => (extension.run)(context, found, matches, own).await,
        None => report::run(context, found, matches, own).await,
    }
}
