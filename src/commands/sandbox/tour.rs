//! `sandbox tour`: shows what pgkit is for, one problem at a time, on a throwaway server.

use clap::{Arg, ArgAction, ArgMatches, Command};
use futures_util::future::join;

use super::shared::{end, exit_of, myself, own_server, program, target, with_bin_dir};
use crate::commands::args;
use crate::commands::context::Context;
use crate::error::{Error, Exit, Result};
use crate::output;
use crate::output::terminal;
use crate::sandbox::Server;
use crate::session::Wire;

/// A step of the tour: a problem, and the shell commands that solve it.
struct Step {
    problem: &'static str,
    lines: &'static [&'static str],
    /// Whether to run it while sessions wait for each other's locks.
    with_queue: bool,
}

const fn step(problem: &'static str, lines: &'static [&'static str]) -> Step {
    Step { problem, lines, with_queue: false }
}

const STEPS: &[Step] = &[
    step("You know a piece of a table's name.", &["pgkit relations | grep crap"]),
    step(
        "You want to remove that topic. What else touches it: columns, functions, views, comments?",
        &["pgkit find crap --limit 10"],
    ),
    step("The disk is filling up. Which tables take the space?", &["pgkit sizes --limit 6"]),
    step(
        "Many of them are one table, split by week. How large is each family?",
        &["pgkit sizes --group-partitions --limit 6"],
    ),
    step("A script needs the same.", &["pgkit sizes 'missing_symbols*' --group-partitions --format jsonl"]),
    Step {
        problem: "Everything hangs. Who waits for whom? End the session at the top, and look again.",
        lines: &[
            "pgkit locks",
            "pgkit locks terminate \"$(pgkit locks --format tsv --columns pid --limit 1)\" --yes",
            "pgkit locks",
        ],
        with_queue: true,
    },
    step(
        "Cron jobs with their state in the database. What would run now, and what would not, and why? What ran?",
        &[
            "pgkit jobs init -q && pgkit jobs init --example >jobs.toml",
            "pgkit jobs --file jobs.toml run vacuum --force -q; pgkit jobs --file jobs.toml why",
            "pgkit jobs history --limit 3",
        ],
    ),
    step(
        "And the SQL behind any of this, to paste elsewhere.",
        &["pgkit relations --kind view --sql | tail -n 12"],
    ),
];

/// Returns the command.
pub(super) fn command() -> Command {
    with_bin_dir(args::command(
        "tour",
        "Start a server, show step by step what pgkit is for, and leave nothing behind",
    ))
    .arg(
        Arg::new("no-pause")
            .long("no-pause")
            .action(ArgAction::SetTrue)
            .help("On a terminal, do not wait for a key after each step"),
    )
    .after_help(args::example(&["pgkit sandbox tour", "pgkit sandbox tour --no-pause | less -R"]))
}

pub(super) async fn run(context: &Context, _root: &ArgMatches, matches: &ArgMatches) -> Result<Exit> {
    let pauses = terminal::size(None).is_some() && !matches.get_flag("no-pause");
    let server = own_server(context, matches).await?;
    let version = &server.info().binaries.version;
    output::print(&format!(
        "PostgreSQL {version} runs here for this tour, with the data of a crash reporting system.\n"
    ))?;
    let mut worst = Exit::Done;
    for (i, step) in STEPS.iter().enumerate() {
        output::print(&format!("\n{} of {}. {}\n", i + 1, STEPS.len(), step.problem))?;
        let exit = if step.with_queue {
            queue(context, &server, show(context, &server, step)).await?
        } else {
            show(context, &server, step).await?
        };
        if exit != Exit::Done {
            worst = exit;
        }
        if pauses && i + 1 < STEPS.len() && !goes_on().await? {
            break;
        }
    }
    end(server).await?;
    output::print("\nThe server was stopped and removed.\n")?;
    Ok(worst)
}

/// Waits for a key. Returns whether the tour goes on.
async fn goes_on() -> Result<bool> {
    output::print("\nPress any key to continue, or q to end the tour. ")?;
    let key = terminal::key().await?;
    output::print("\r\u{1b}[K")?;
    Ok(!matches!(key, Some(b'q' | b'Q' | 0x1b)))
}

/// Runs the lines of a step in a shell, showing each before it runs.
async fn show(context: &Context, server: &Server, step: &Step) -> Result<Exit> {
    let info = server.info();
    let mut worst = Exit::Done;
    for line in step.lines {
        output::print(&format!("\n$ {line}\n"))?;
        let mut shell = program(std::ffi::OsStr::new("sh"), info, context);
        shell
            .arg("-c")
            // The lines say "pgkit", so the shell that runs them must find this one.
            .arg(format!("pgkit() {{ \"$PGKIT_TOUR_EXE\" \"$@\"; }}\n{line}"))
            .env("PGKIT_TOUR_EXE", myself()?)
            .env_remove("PGKIT_JOBS")
            .env("PGKIT_PAGER", "")
            .current_dir(&info.folder);
        let status =
            shell.kill_on_drop(true).status().await.map_err(|e| Error::io("could not start sh", &e))?;
        if !status.success() {
            worst = exit_of(status);
        }
    }
    Ok(worst)
}

/// Runs this while three sessions queue for locks: the first is idle in a transaction, the second wants the same
/// row, and the third wants to alter the table.
async fn queue<T>(context: &Context, server: &Server, work: impl Future<Output = Result<T>>) -> Result<T> {
    let target = target(server)?;
    let mut never = |_: &str| Err(Error::bug("the sandbox asks for a password"));
    let mut sessions = Vec::new();
    for name in ["nightly report", "web shop", "migration"] {
        let (mut wire, ..) = Wire::connect(&target, "SELECT", "", &context.running, &mut never).await?;
        wire.simple(&format!("SET application_name = '{name}'"), false).await?;
        sessions.push(wire);
    }
    let [holder, waiter, last] = sessions.as_mut_slice() else {
        return Err(Error::bug("not three sessions"));
    };
    const UPDATE: &str = "UPDATE public.tcbs SET body = body WHERE id = 1";
    holder.simple(&format!("BEGIN; {UPDATE}"), false).await?;
    let waiting = async {
        // The step terminates the first session, and then both of these get their locks.
        let _ = join(waiter.simple(UPDATE, false), async {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            last.simple("ALTER TABLE public.tcbs ADD COLUMN reviewed bool", false).await
        })
        .await;
    };
    let work = async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        work.await
    };
    let (done, ()) = join(work, waiting).await;
    done
}
