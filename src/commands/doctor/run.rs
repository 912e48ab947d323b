//! Leads from the flags of `doctor` to its verdict.

use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, FromArgMatches};
use futures_util::stream::{FuturesOrdered, StreamExt};

use super::args::DoctorArgs;
use super::look::Asking;
use super::metrics::Judged;
use super::proof::Origin;
use super::show::{Look, Told};
use super::{explain, metrics, plugin};
use crate::commands::args::{self, FormatArgs, RoleArgs, ServersArgs, SessionArgs, connection_flags};
use crate::commands::context::{Context, config_folder};
use crate::commands::plugin::unknown;
use crate::commands::seats::Seats;
use crate::commands::servers::Server;
use crate::commands::{open, servers, snapshot};
use crate::doctor::{
    self, Change, Diagnosis, Finding, Limits, OWN_REPORT, Question, SERVER, Severity, Sheet, Threshold,
};
use crate::error::{self, Error, Exit, Result};
use crate::likeness::nearest;
use crate::output::{self, terminal};
use crate::report::{Check, Optional, Report};
use crate::snapshot::Snapshot;

/// Runs the command.
pub async fn run(context: &Context, root: &ArgMatches, own: &ArgMatches) -> Result<Exit> {
    let from = |e: clap::Error| Error::bug(e.to_string());
    let args = DoctorArgs::from_arg_matches(own).map_err(from)?;
    if !args.nagios {
        return answer(context, root, own, &args).await;
    }
    match answer(context, root, own, &args).await {
        Err(e) if e.exit != Exit::Interrupted => {
            error::print(&e);
            Ok(unknown(&e.message))
        }
        other => other,
    }
}

/// What is asked, and how it is answered.
struct Doctor<'a> {
    context: &'a Context,
    args: &'a DoctorArgs,
    session: SessionArgs,
    format: FormatArgs,
    /// The reports with the checks that are wanted.
    reports: Vec<&'a Report>,
    /// Those, and the reports that a page shows.
    shown: Vec<&'a Report>,
    limits: Limits,
}

/// What was found of one server.
struct Patient {
    /// Its name, if there are several.
    server: Option<String>,
    /// The answers; `None` if it could not be asked.
    snapshot: Option<Snapshot>,
    diagnosis: Diagnosis,
}

impl Patient {
    /// Returns whether no check has looked at anything. A server that is too old for the checks does not count.
    fn is_blind(&self) -> bool {
        let is_too_old = |snapshot: &Snapshot| {
            snapshot.header.refused.iter().any(|one| one.report.is_some() && one.expected)
        };
        let diagnosis = &self.diagnosis;
        diagnosis.looked.is_empty()
            && diagnosis.findings.is_empty()
            && diagnosis.ignored.is_empty()
            && !self.snapshot.as_ref().is_some_and(is_too_old)
    }
}

async fn answer(context: &Context, root: &ArgMatches, own: &ArgMatches, args: &DoctorArgs) -> Result<Exit> {
    let from = |e: clap::Error| Error::bug(e.to_string());
    let session = SessionArgs::from_arg_matches(own).map_err(from)?;
    let format = FormatArgs::from_arg_matches(own).map_err(from)?;
    let role = RoleArgs::from_arg_matches(own).map_err(from)?;
    let known = reports(context);
    let checks = chosen(&known, args)?;
    if args.list || args.explain {
        args::refuse_connection_flags(root, "doctor --list and --explain")?;
        if args.explain && args.checks.is_empty() {
            return Err(
                Error::usage("--explain needs the name of a check").hint("pgkit doctor --list lists them")
            );
        }
        return match args.list {
            true => explain::list(context, &format, &checks).await,
            false => {
                let width =
                    terminal::size(context.env.var("COLUMNS")).map_or(100, |(width, _)| width.min(100));
                let unlooked = args.checks.iter().filter_map(|name| doctor::unlooked(name));
                explain::explain(&checks, unlooked, width)
            }
        };
    }
    args.html.as_deref().map_or(Ok(()), output::check_page)?;
    let limits = limits(context, args, &known)?;
    if !session.echo.quiet {
        limits.over.iter().for_each(|says| session.echo.remark(&format!("doctor: {says}")));
    }
    let mut reports: Vec<&Report> = checks.iter().map(|(report, _)| *report).collect();
    reports.dedup_by(|a, b| std::ptr::eq(*a, *b));
    let mut shown = reports.clone();
    if args.html.is_some() {
        let (all, _) = snapshot::chosen(context, &[])?;
        shown.extend(all.into_iter().filter(|one| !reports.iter().any(|other| std::ptr::eq(*one, *other))));
    }
    let doctor = Doctor { context, args, session, format, reports, shown, limits };
    let settings = role.settings(&doctor.session);
    let earlier = args.against.as_deref().map(Snapshot::open).transpose()?;
    let has_changes = earlier.is_some();
    if let Some(names) = &args.from {
        if role.role.is_some() {
            return Err(Error::usage("--role cannot be used with --from").hint("only a server has roles"));
        }
        args::refuse_server(root, own, "--from")?;
        let paths = args::snapshots(names);
        if paths.is_empty() {
            return Err(
                Error::usage("--from names no snapshot").hint("name a file that pgkit snapshot has written")
            );
        }
        let has_several = paths.len() > 1;
        let look = doctor.look(has_several, has_changes);
        let listing = doctor.listing(&look)?;
        let mut patients = Vec::new();
        for path in &paths {
            let server = has_several.then(|| name_of(path));
            patients.push(match Snapshot::open(path) {
                Ok(snapshot) => {
                    doctor.patient(server, vec![snapshot], earlier.as_ref(), &Origin::Snapshot(path))?
                }
                Err(e) if has_several => unreachable(server, &e),
                Err(e) => return Err(e),
            });
        }
        return doctor.print(&look, listing, &patients, earlier.as_ref()).await;
    }
    let several = servers::several(context, root, own, &doctor.session.echo)?;
    let flags = connection_flags(root, own)?;
    let look = doctor.look(several.is_some(), has_changes);
    let listing = doctor.listing(&look)?;
    let asking = Asking {
        context,
        args,
        session: &doctor.session,
        settings,
        parallel: if several.is_some() { 1 } else { databases_at_once(own)? },
        wanted: &doctor.reports,
        shown: &doctor.shown,
    };
    let patients = match several {
        None => {
            let target = open::target(context, root, own, &doctor.session.echo)?;
            let snapshots = asking.snapshots(&target, None).await?;
            vec![doctor.patient(None, snapshots, earlier.as_ref(), &Origin::Server(&flags))?]
        }
        Some(servers) => {
            let mut seats = Seats::new(servers.parallel);
            let ask = |server: Server| {
                let seat = seats.seat(&server.target);
                let asking = &asking;
                async move {
                    let snapshots = asking.snapshots(&server.target, Some(&seat)).await;
                    seat.leave();
                    (server, snapshots)
                }
            };
            // Their order is that in which they were named.
            let mut asked: FuturesOrdered<_> = servers.list.into_iter().map(ask).collect();
            let mut patients = Vec::new();
            while let Some((server, snapshots)) = asked.next().await {
                let Server { name, flags, .. } = server;
                let origin = Origin::Server(&flags);
                patients.push(match snapshots {
                    Ok(snapshots) => doctor.patient(Some(name), snapshots, earlier.as_ref(), &origin)?,
                    Err(e) if matches!(e.exit, Exit::Io | Exit::Bug | Exit::Interrupted) => return Err(e),
                    Err(e) => unreachable(Some(name), &e),
                });
            }
            patients
        }
    };
    doctor.print(&look, listing, &patients, earlier.as_ref()).await
}

/// Returns how many databases of one server are asked at the same time: one, unless `--parallel` was typed.
fn databases_at_once(own: &ArgMatches) -> Result<usize> {
    let args = ServersArgs::from_arg_matches(own).map_err(|e| Error::bug(e.to_string()))?;
    let is_typed = own.value_source("parallel") == Some(ValueSource::CommandLine);
    Ok(if is_typed { usize::from(args.parallel) } else { 1 })
}

/// Returns the name of a snapshot's file, which stands for its server.
fn name_of(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Returns what there is to say of a server that could not be asked.
fn unreachable(server: Option<String>, e: &Error) -> Patient {
    let why = format!("the server could not be asked: {}", e.one_line());
    let findings = vec![Finding::unseen(SERVER.name, SERVER.worst, None, why)];
    Patient { server, snapshot: None, diagnosis: Diagnosis { findings, ..Diagnosis::default() } }
}

/// Returns all reports that have checks.
fn reports(context: &Context) -> Vec<&Report> {
    let own = context.own.iter().filter_map(|(_, report)| report.as_ref().ok());
    let all = context.reports.iter().chain(&context.of_doctor).chain(own);
    all.filter(|report| !report.checks.is_empty()).collect()
}

/// Returns the checks that are wanted, with their reports. Errors: a check is unknown (64).
fn chosen<'a>(known: &[&'a Report], args: &DoctorArgs) -> Result<Vec<(&'a Report, &'a Check)>> {
    let all =
        || known.iter().copied().flat_map(|report| report.checks.iter().map(move |check| (report, check)));
    for name in &args.checks {
        let is_unlooked = doctor::unlooked(name).is_some();
        if all().any(|(_, check)| check.name == *name) || (is_unlooked && args.explain) {
            continue;
        }
        if is_unlooked {
            return Err(Error::usage(format!("{name} is no check: it is found whatever is asked for"))
                .hint(format!("pgkit doctor --explain {name} says when")));
        }
        let names = all().map(|(_, check)| check.name.as_str());
        let like = nearest(name, names.chain(doctor::ALL_UNLOOKED.iter().map(|one| one.name)), 0.7);
        let hint = like.map(|like| format!("; did you mean {like:?}?")).unwrap_or_default();
        return Err(Error::usage(format!("unknown check {name:?}{hint}"))
            .hint("pgkit doctor --list lists the checks"));
    }
    let mut chosen: Vec<(&Report, &Check)> = all().filter(|(_, check)| is_wanted(check, args)).collect();
    chosen.sort_by(|a, b| (&a.0.name, a.0.own).cmp(&(&b.0.name, b.0.own)));
    if args.list || args.explain {
        chosen.sort_by(|a, b| a.1.name.cmp(&b.1.name));
    }
    Ok(chosen)
}

/// Returns whether a check is wanted: it is named, or none is and it is not one of those that must be asked for.
fn is_wanted(check: &Check, args: &DoctorArgs) -> bool {
    if !args.checks.is_empty() {
        return args.checks.contains(&check.name);
    }
    match check.optional {
        None => true,
        Some(Optional::Lint) => args.lint || args.list,
        Some(Optional::Deep) => args.deep || args.list,
    }
}

/// Returns the time, by this machine's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "what is ignored until a day, and when metrics were made, is about people's time"
)]
fn now() -> jiff::Zoned {
    jiff::Zoned::now()
}

/// Reads the limits of the user. Errors: see [`Limits::read`].
fn limits(context: &Context, args: &DoctorArgs, known: &[&Report]) -> Result<Limits> {
    let usual = || -> Option<PathBuf> {
        Some(doctor::limits_path(&config_folder(&context.env)?)).filter(|path| path.exists())
    };
    match args.limits.clone().or_else(usual) {
        Some(path) => Limits::read(&path, known, now().date()),
        None => Ok(Limits::default()),
    }
}

impl<'a> Doctor<'a> {
    fn look(&'a self, has_servers: bool, has_changes: bool) -> Look<'a> {
        Look {
            context: self.context,
            format: &self.format,
            has_servers,
            has_changes,
            is_whole: !self.args.checks.is_empty(),
        }
    }

    /// Checks the flags of the format before anything is asked.
    fn listing(&self, look: &Look<'_>) -> Result<Option<crate::commands::listing::Listing>> {
        if self.args.nagios || self.args.prometheus || self.args.html.is_some() {
            Ok(None)
        } else {
            look.listing().map(Some)
        }
    }

    /// Judges the snapshots of one server, and compares the findings with those of an earlier one. Their proofs lead to
    /// `origin`.
    fn patient(
        &self,
        server: Option<String>,
        mut snapshots: Vec<Snapshot>,
        earlier: Option<&Snapshot>,
        origin: &Origin,
    ) -> Result<Patient> {
        let is_wanted = |check: &Check| is_wanted(check, self.args);
        let proof =
            |command: &str, database: Option<&str>, check: &str| origin.proof(command, database, check);
        let question =
            Question { reports: &self.reports, is_wanted: &is_wanted, limits: &self.limits, proof: &proof };
        let mut diagnosis = doctor::diagnose(&snapshots, &question, earlier)?;
        if self.args.checks.is_empty() {
            diagnosis.findings.extend(self.context.own.iter().filter_map(|(_, report)| {
                let e = report.as_ref().err()?;
                Some(Finding::unseen(OWN_REPORT.name, OWN_REPORT.worst, None, e.one_line()))
            }));
        }
        if let Some(earlier) = earlier {
            let before = doctor::diagnose(std::slice::from_ref(earlier), &question, None)?;
            let was_looked_at =
                |finding: &Finding| snapshots.last().is_some_and(|now| question.was_looked_at(now, finding));
            diagnosis.left = doctor::compare(&mut diagnosis.findings, before.findings, was_looked_at);
        }
        Ok(Patient { server, snapshot: snapshots.pop(), diagnosis })
    }

    /// Prints the verdict.
    async fn print(
        &self,
        look: &Look<'_>,
        listing: Option<crate::commands::listing::Listing>,
        patients: &[Patient],
        earlier: Option<&Snapshot>,
    ) -> Result<Exit> {
        let told: Vec<Told<'_>> = patients
            .iter()
            .flat_map(|patient| {
                let server = patient.server.as_deref();
                patient.diagnosis.findings.iter().map(move |finding| Told { server, finding })
            })
            .collect();
        let is_blind = !self.args.allow_unseen && patients.iter().any(Patient::is_blind);
        if self.args.nagios {
            return plugin::print(&told, self.args.allow_unseen, is_blind);
        }
        let found =
            doctor::exit(told.iter().map(|told| told.finding), self.args.fail_on, self.args.allow_unseen);
        // If nothing was looked at, it is not known whether everything is fine.
        let exit = if is_blind && self.args.fail_on != Threshold::Never { Exit::BadAnswer } else { found };
        if let Some(path) = &self.args.html {
            let sheets: Vec<Sheet<'_>> = patients
                .iter()
                .map(|patient| Sheet {
                    server: patient.server.as_deref(),
                    snapshot: patient.snapshot.as_ref(),
                    earlier,
                    diagnosis: &patient.diagnosis,
                })
                .collect();
            output::write(path, &doctor::page(&sheets, &self.shown)?)?;
            patients.iter().for_each(|patient| self.summary(patient));
            return Ok(exit);
        }
        let Some(listing) = listing else {
            let judged: Vec<Judged<'_>> = patients
                .iter()
                .map(|patient| Judged {
                    server: patient.server.as_deref(),
                    checks: patient.diagnosis.looked.len(),
                    ignored: patient.diagnosis.ignored.values().sum(),
                })
                .collect();
            let now = now().timestamp().as_millisecond() as f64 / 1e3;
            output::print(&metrics::text(&judged, &told, now))?;
            return Ok(exit);
        };
        let left_out = look.print(listing, &told).await?;
        for (check, number) in left_out {
            self.remark(&format!("{number} more findings of {check}: pgkit doctor {check}"));
        }
        for patient in patients {
            self.summary(patient);
        }
        Ok(exit)
    }

    fn remark(&self, text: &str) {
        self.session.echo.remark(&format!("doctor: {text}"));
    }

    /// Prints what was found in one line, and what was not judged.
    fn summary(&self, patient: &Patient) {
        let diagnosis = &patient.diagnosis;
        let server = patient.server.as_ref().map(|server| format!("{server}: ")).unwrap_or_default();
        let now = || diagnosis.findings.iter().filter(|finding| finding.change != Some(Change::Gone));
        let count = |severity: Severity| now().filter(|finding| finding.severity == severity).count();
        let counts = Severity::ALL.map(|severity| (count(severity), severity));
        let plural = |number: usize, word: &str| match (number, word) {
            (1, _) | (_, "critical" | "unseen") => format!("{number} {word}"),
            _ => format!("{number} {word}s"),
        };
        let found: Vec<String> = counts
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, severity)| plural(*number, severity.word()))
            .collect();
        let found = match (found.is_empty(), diagnosis.looked.is_empty()) {
            (true, true) => "nothing was looked at".to_owned(),
            (true, false) => "nothing is wrong".to_owned(),
            (false, _) => found.join(", "),
        };
        let mut line = format!("{server}{found}; {}", plural(diagnosis.looked.len(), "check"));
        let ignored: usize = diagnosis.ignored.values().sum();
        if ignored > 0 {
            line.push_str(&format!(", {} ignored", plural(ignored, "finding")));
        }
        self.remark(&line);
        for ((check, reason), number) in &diagnosis.ignored {
            self.remark(&format!("{server}ignored: {} of {check} ({reason})", plural(*number, "finding")));
        }
        let is_standby = patient.snapshot.as_ref().is_some_and(|snapshot| snapshot.header.standby);
        if is_standby && now().any(|finding| finding.remedy.is_some()) {
            self.remark(&format!("{server}this is a standby: run a remedy that writes on its primary"));
        }
        if diagnosis.left > 0 {
            let findings = plural(diagnosis.left, "earlier finding");
            self.remark(&format!("{server}not looked at again: {findings}"));
        }
        for why in &diagnosis.uncompared {
            self.remark(&format!("{server}rates are not judged: {why}"));
        }
        for name in &diagnosis.closed {
            self.remark(&format!("{server}not looked at: database {name:?}, which accepts no connections"));
        }
        if !diagnosis.not_judged.is_empty() {
            let names: Vec<&str> = diagnosis.not_judged.iter().map(String::as_str).collect();
            // If there is an earlier look that cannot be compared, the reason was printed before.
            let without = if diagnosis.uncompared.is_empty() { " without --for or --against" } else { "" };
            self.remark(&format!("{server}not judged{without}: {}", names.join(", ")));
        }
    }
}
