//! Shared code of the commands below `jobs`.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use sha2::Digest;

use crate::commands::args::{self, ConnectionArgs, FormatArgs, SessionArgs};
use crate::commands::context::Context;
use crate::commands::{complete, open};
use crate::connect::Target;
use crate::error::{self, Error, Exit, Result};
use crate::escape;
use crate::jobs::file;
use crate::jobs::job::Job;
use crate::jobs::runners::{self, Runner};
use crate::jobs::states;
use crate::jobs::store::{Place, Snapshot};
use crate::jobs::tables::{self, Where};
use crate::session::{Purpose, Reader, Writer};
use crate::trusted;

/// The jobs file. The flag may follow `jobs` or its subcommand.
#[derive(Debug, Clone, Default)]
pub(super) struct FileArgs {
    pub(super) file: Option<PathBuf>,
}

impl FromArgMatches for FileArgs {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<FileArgs, clap::Error> {
        Ok(FileArgs { file: matches.get_one::<PathBuf>("file").cloned() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        *self = FileArgs::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for FileArgs {
    // The flag is a global one of `jobs`.
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

/// What every command that looks at the tables has.
#[derive(Debug, Clone, Args)]
pub(super) struct LookArgs {
    #[command(flatten)]
    pub(super) file: FileArgs,
    /// The schema of the tables [default: the one that has them]
    #[arg(long, value_name = "SCHEMA")]
    pub(super) schema: Option<String>,
    #[command(flatten)]
    pub(super) format: FormatArgs,
    #[command(flatten)]
    pub(super) session: SessionArgs,
}

/// Returns a command with the connection flags.
pub(super) fn command<A: Args>(name: &'static str, about: &'static str, examples: &[&str]) -> Command {
    let command = ConnectionArgs::augment_args(A::augment_args(args::command(name, about)));
    command.about(about).after_help(args::example(examples))
}

/// Returns the argument for job names, which are completed from the file.
pub(super) fn names() -> Arg {
    Arg::new("name").value_name("NAME").add(complete::jobs())
}

pub(super) fn parse<A: FromArgMatches>(matches: &ArgMatches) -> Result<A> {
    A::from_arg_matches(matches).map_err(|e| Error::bug(e.to_string()))
}

/// A jobs file that was read.
pub(super) struct Read {
    pub(super) path: PathBuf,
    pub(super) parsed: file::Parsed,
    /// The SHA-256 of the jobs file and of the files that it includes, in hexadecimal.
    pub(super) hash: String,
}

/// The text of a jobs file.
pub(super) struct Text {
    path: PathBuf,
    text: String,
    /// The user who runs pgkit.
    uid: u32,
}

impl Text {
    /// Reads the jobs file that the flag or the environment names. Errors: it does not exist (74), others may write to
    /// it (65).
    pub(super) fn read(context: &Context, args: &FileArgs) -> Result<Text> {
        let named = args.file.clone().or_else(|| context.env.nonempty("PGKIT_JOBS").map(PathBuf::from));
        let path = named.unwrap_or_else(|| PathBuf::from("jobs.toml"));
        let uid = context.env.uid();
        let text = trusted::read(&path, uid, "the jobs file").map_err(|e| {
            let is_missing = e.exit == Exit::Io && args.file.is_none();
            match is_missing {
                true => e
                    .hint("name it with --file FILE or PGKIT_JOBS")
                    .hint("pgkit jobs init --example prints one to start with"),
                false => e,
            }
        })?;
        let text = String::from_utf8(text)
            .map_err(|_| Error::data(format!("{}: the file is not UTF-8", path.display())))?;
        Ok(Text { path, text, uid })
    }

    /// Returns the role that the file names as the tables' owner: see [`file::owner`].
    pub(super) fn owner(&self) -> Option<Option<String>> {
        file::owner(&self.text)
    }

    /// Parses it, and the files that it includes.
    pub(super) fn parse(self) -> Read {
        let Text { path, text, uid } = self;
        let mut digest = sha2::Sha256::new();
        digest.update(&text);
        let parsed = file::parse_all(&text, &mut |pattern| {
            let files = included(&path, pattern, uid);
            for (_, text) in files.iter().flatten() {
                // With the lengths, moving a line from one file to another changes the hash.
                digest.update(text.len().to_be_bytes());
                digest.update(text);
            }
            files
        });
        let hash = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Read { path, parsed, hash }
    }
}

/// Reads the jobs file that the flag or the environment names. Errors: it does not exist (74), others may write to
/// it (65).
pub(super) fn read(context: &Context, args: &FileArgs) -> Result<Read> {
    Ok(Text::read(context, args)?.parse())
}

/// Returns the files that match a pattern from the key `include` of this jobs file, in order: each with its text, or
/// the reason why it cannot be read or trusted. A relative path starts at the folder of the jobs file.
pub(in crate::commands) fn included(main: &Path, pattern: &str, uid: u32) -> file::Included {
    let paths = match matching(main, pattern) {
        Ok(paths) => paths,
        Err(why) => return vec![Err(why)],
    };
    let read = |path: PathBuf| {
        if std::fs::canonicalize(&path).ok() == std::fs::canonicalize(main).ok() {
            return Err(format!("{} includes itself", path.display()));
        }
        let bytes = trusted::read(&path, uid, "the included file").map_err(|e| e.one_line())?;
        let text =
            String::from_utf8(bytes).map_err(|_| format!("{}: the file is not UTF-8", path.display()))?;
        Ok((path, text))
    };
    paths.into_iter().map(read).collect()
}

/// Returns the paths that match a pattern from the key `include` of this jobs file, in order. A pattern without
/// wildcards is a path itself, whether or not the file exists.
pub(super) fn matching(main: &Path, pattern: &str) -> std::result::Result<Vec<PathBuf>, String> {
    if pattern.is_empty() {
        return Err("a path is empty".to_owned());
    }
    let folder = main.parent().unwrap_or(Path::new(""));
    if !pattern.contains(['*', '?', '[']) {
        return Ok(vec![folder.join(pattern)]);
    }
    // Special characters in the name of the folder itself are not wildcards.
    let folder = glob::Pattern::escape(&folder.to_string_lossy());
    let whole = Path::new(&folder).join(pattern);
    let found = glob::glob(&whole.to_string_lossy())
        .map_err(|e| format!("invalid pattern {pattern:?}: {}", e.msg))?;
    found.map(|path| path.map_err(|e| format!("cannot read {}: {}", e.path().display(), e.error()))).collect()
}

impl Read {
    /// Prints every fault. Returns whether the jobs may be used.
    pub(super) fn tell(&self) -> bool {
        for fault in &self.parsed.faults {
            let job = fault.job.as_ref().map(|job| format!("job {job:?}: ")).unwrap_or_default();
            let kind = if fault.warning { "WARNING: " } else { "" };
            let path = fault.file.as_ref().unwrap_or(&self.path).display();
            error::note(&format!("pgkit: {kind}{path}:{}: {job}{}", fault.line, fault.why));
        }
        self.parsed.faults.iter().all(|fault| fault.warning)
    }

    /// Prints every fault, if any keeps the jobs from being used, and returns that as an error (65).
    pub(super) fn check(&self) -> Result<()> {
        let wrong: Vec<_> = self.parsed.faults.iter().filter(|fault| !fault.warning).collect();
        let Some(first) = wrong.first() else { return Ok(()) };
        self.tell();
        let many = if wrong.len() == 1 { "an error".to_owned() } else { format!("{} errors", wrong.len()) };
        let job = first.job.as_ref().map(|job| format!("job {job:?}: ")).unwrap_or_default();
        let path = first.file.as_ref().unwrap_or(&self.path).display();
        let (line, why) = (first.line, &first.why);
        Err(Error::data(format!("{path} has {many}, the first in line {line}: {job}{why}"))
            .hint("pgkit does not use a file with errors; check it with pgkit jobs check"))
    }

    /// Returns the jobs. Errors: those of [`Read::check`].
    pub(super) fn jobs(self) -> Result<Vec<Job>> {
        self.check()?;
        Ok(self.parsed.jobs)
    }
}

/// Returns the jobs of the file, and what the tables say about them.
pub(super) async fn look(
    context: &Context,
    root: &ArgMatches,
    own: &ArgMatches,
    args: &LookArgs,
) -> Result<(Vec<Job>, Snapshot)> {
    let (jobs, owner) = jobs_and_owner(context, args)?;
    let ask = async |reader: &Reader, place: &Place| states::read(reader, place).await;
    let (snapshot, _) = reading(context, root, own, args, owner.as_deref(), ask).await?;
    Ok((jobs, snapshot))
}

/// Works like [`look`], and also returns the runners; `None` if the tables do not have them yet (`jobs upgrade`).
pub(super) async fn look_at_all(
    context: &Context,
    root: &ArgMatches,
    own: &ArgMatches,
    args: &LookArgs,
) -> Result<(Vec<Job>, Snapshot, Option<Vec<Runner>>)> {
    let (jobs, owner) = jobs_and_owner(context, args)?;
    let ask = async |reader: &Reader, place: &Place| {
        Ok((states::read(reader, place).await?, runners::read(reader, place).await?))
    };
    let ((snapshot, runners), _) = reading(context, root, own, args, owner.as_deref(), ask).await?;
    Ok((jobs, snapshot, runners))
}

/// Returns the jobs of the file, and the role that it names as the tables' owner.
fn jobs_and_owner(context: &Context, args: &LookArgs) -> Result<(Vec<Job>, Option<String>)> {
    let read = read(context, &args.file)?;
    let owner = read.parsed.owner.clone();
    Ok((read.jobs()?, owner))
}

/// Queries the tables in a read-only transaction. `owner` is the owner that the jobs file names.
pub(super) async fn reading<T>(
    context: &Context,
    root: &ArgMatches,
    own: &ArgMatches,
    args: &LookArgs,
    owner: Option<&str>,
    ask: impl AsyncFnOnce(&Reader, &Place) -> Result<T>,
) -> Result<(T, Place)> {
    let target = open::target(context, root, own, &args.session.echo)?;
    let reader = open::reader(context, &target, args.session.settings(), &args.session.echo).await?;
    let place = tables::place(&reader, Where { schema: args.schema.as_deref(), owner }).await?;
    let answer = ask(&reader, &place).await?;
    reader.close().await;
    Ok((answer, place))
}

/// What every command that changes something in the tables has.
#[derive(Debug, Clone, Args)]
pub(super) struct WriteArgs {
    #[command(flatten)]
    pub(super) file: FileArgs,
    /// The schema of the tables [default: the one that has them]
    #[arg(long, value_name = "SCHEMA")]
    pub(super) schema: Option<String>,
    #[command(flatten)]
    pub(super) session: SessionArgs,
}

/// Opens a separate session that may write.
pub(super) async fn writing(
    context: &Context,
    root: &ArgMatches,
    own: &ArgMatches,
    session: &SessionArgs,
) -> Result<Writer> {
    let target = open::target(context, root, own, &session.echo)?;
    connect(context, &target, session).await
}

/// Works like [`writing`], for a target that is already known.
pub(super) async fn connect(context: &Context, target: &Target, session: &SessionArgs) -> Result<Writer> {
    open::writer(context, Purpose::Jobs, target, session.limits(), &session.echo).await
}

/// Returns who makes a change, to be recorded in the tables.
pub(super) fn who(writer: &Writer, context: &Context) -> String {
    format!("role {} ({}@{})", writer.user(), context.env.user().unwrap_or("unknown"), host())
}

/// Returns this machine's name.
pub(super) fn host() -> String {
    nix::unistd::gethostname()
        .map_or_else(|_| "unknown".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Returns the jobs of the file, if there is one, and the role that it names as the tables' owner. A command that
/// is about the tables can do without the file.
pub(super) fn file_if_any(context: &Context, args: &FileArgs) -> Result<(Vec<Job>, Option<String>)> {
    let Some(read) = read_if_any(context, args)? else { return Ok((Vec::new(), None)) };
    let owner = read.parsed.owner.clone();
    Ok((read.jobs()?, owner))
}

/// Returns the role that the file names as the tables' owner, even if something else is wrong in the file.
pub(super) fn owner_if_any(context: &Context, args: &FileArgs) -> Result<Option<String>> {
    Ok(read_if_any(context, args)?.and_then(|read| read.parsed.owner))
}

pub(super) fn read_if_any(context: &Context, args: &FileArgs) -> Result<Option<Read>> {
    let named = args.file.is_some() || context.env.nonempty("PGKIT_JOBS").is_some();
    if !named && !Path::new("jobs.toml").exists() {
        return Ok(None);
    }
    read(context, args).map(Some)
}

/// Returns the job with this name, or else the only job with this class, as crontabber's `--job` does. Errors: there is
/// none (64).
pub(super) fn find<'a>(jobs: &'a [Job], name: &str) -> Result<&'a Job> {
    let mut of_class = jobs.iter().filter(|job| job.class.as_deref() == Some(name));
    let only = of_class.next().filter(|_| of_class.next().is_none());
    jobs.iter().find(|job| job.name == name).or(only).ok_or_else(|| {
        let names: Vec<_> = jobs.iter().map(|job| escape::terminal(&job.name)).collect();
        Error::usage(format!("unknown job {name:?}: not in the file"))
            .hint(format!("jobs in the file: {}", names.join(", ")))
    })
}
