//! A guard's session: a direct connection that holds a job's lock. The server ends it when it hears nothing for
//! some seconds, so the lock becomes free soon after its owner is gone, whatever the reason.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::output;
use super::process::boot_time;
use super::store::{self, in_schema};
use crate::connect::{Canceler, ServerVersion, SessionAttrs, Target};
use crate::error::{Error, Exit, Result};
use crate::session::{Hearer, InFlight, MARK, PATH, Part, Piped, Response, Wire, echoed_text};
use crate::sql;

/// How long pgkit's own statements may take.
pub const PATIENCE: Duration = Duration::from_secs(15);

const HOUSE: &str = include_str!("../../queries/jobs/session_setup.sql");
/// Reads the role's own values of the settings that pgkit changes for its own statements.
const ROLES: &str = include_str!("../../queries/jobs/roles.sql");

/// The statements that are prepared once per session.
const PREPARED: &[(&str, &str)] = &[
    ("house", HOUSE),
    ("wait", include_str!("../../queries/jobs/lock_timeout.sql")),
    ("lock", include_str!("../../queries/jobs/lock.sql")),
    ("row", include_str!("../../queries/jobs/lock_row.sql")),
    ("look", include_str!("../../queries/jobs/decision_inputs.sql")),
    ("claim", include_str!("../../queries/jobs/claim.sql")),
    ("next", include_str!("../../queries/jobs/next_date.sql")),
    ("finish", include_str!("../../queries/jobs/finish.sql")),
    ("ping", include_str!("../../queries/jobs/ping.sql")),
    ("work", include_str!("../../queries/jobs/job_session.sql")),
    ("unlock", include_str!("../../queries/jobs/unlock_all.sql")),
    ("prepared", include_str!("../../queries/jobs/prepared.sql")),
];
/// The prepared statements without values, as marked by [`plain!`].
static PLAIN: [Statement<'static>; 11] = [
    OWN_PATH,
    plain!("BEGIN"),
    plain!("COMMIT"),
    plain!("ROLLBACK"),
    plain!("SET LOCAL synchronous_commit = off"),
    plain!("RESET SESSION AUTHORIZATION"),
    plain!("RESET ROLE"),
    plain!("RESET ALL"),
    plain!("DISCARD TEMP"),
    plain!("UNLISTEN *"),
    plain!("CLOSE ALL"),
];
/// Sets the search path for pgkit's own statements, which no job or role may change.
const OWN_PATH: Statement<'static> = plain!("SET search_path = pg_catalog, pg_temp");
/// The prefix of pgkit's prepared statements, which jobs should not use for their own.
const OURS: &str = "pgkit_";
/// Statements that are rarely needed, and so are parsed each time they are.
const SELDOM: &[(&str, &str)] = &[
    ("release", include_str!("../../queries/jobs/release.sql")),
    ("seen_free", include_str!("../../queries/jobs/lock_free.sql")),
    ("cut_off", include_str!("../../queries/jobs/cut_off.sql")),
    ("let_go", include_str!("../../queries/jobs/let_go.sql")),
    ("refresh", include_str!("../../queries/jobs/refresh.sql")),
    ("own_row", include_str!("../../queries/jobs/await_own_record.sql")),
    ("regained", include_str!("../../queries/jobs/lock_regained.sql")),
    ("pool", include_str!("../../queries/jobs/pool.sql")),
    ("stolen", include_str!("../../queries/jobs/taken_over.sql")),
    ("leader", include_str!("../../queries/jobs/leader.sql")),
    ("state_of", include_str!("../../queries/jobs/state_of.sql")),
    ("supersede", include_str!("../../queries/jobs/supersede.sql")),
    ("notify", include_str!("../../queries/jobs/notify.sql")),
    ("as_owner", include_str!("../../queries/jobs/replaceable_claim.sql")),
    ("meta_changed", include_str!("../../queries/jobs/meta_changed.sql")),
    ("elsewhere", include_str!("../../queries/jobs/elsewhere.sql")),
    ("elsewhere_key", include_str!("../../queries/jobs/elsewhere_key.sql")),
    ("elsewhere_lock", include_str!("../../queries/jobs/elsewhere_lock.sql")),
    ("can_show", include_str!("../../queries/jobs/can_show.sql")),
    // Prepared by `Session::prepare_watched`.
    ("watched", include_str!("../../queries/jobs/watched.sql")),
    ("show", include_str!("../../queries/jobs/show.sql")),
    ("shown", include_str!("../../queries/jobs/shown.sql")),
];

/// A statement in a pipeline: its name or its text, and its values.
#[derive(Debug, Clone)]
pub struct Statement<'a> {
    name: &'a str,
    types: &'static [u32],
    values: Vec<Option<&'a str>>,
    said: &'static [usize],
    /// Whether it belongs to a job.
    is_job: bool,
}

impl<'a> Statement<'a> {
    /// Creates a statement with this text and no values.
    pub const fn of(sql: &'a str) -> Statement<'a> {
        Statement { name: sql, types: &[], values: Vec::new(), said: &[], is_job: false }
    }

    /// Creates a job's statement, with the date, if there is one, as a parameter of type timestamptz.
    fn job(sql: &'a str, date: Option<&'a str>) -> Statement<'a> {
        let values: Vec<Option<&str>> = date.map(Some).into_iter().collect();
        let types: &[u32] = if values.is_empty() { &[] } else { &[TIMESTAMPTZ] };
        Statement { name: sql, types, values, said: &[], is_job: true }
    }
}

impl Statement<'_> {
    /// Marks the values at these positions, counted from 0, as coming from a job: they may be any text at all.
    pub fn with_said(self, places: &'static [usize]) -> Self {
        Statement { said: places, ..self }
    }

    /// Returns its values, with those that come from a job escaped for a server whose encoding cannot represent
    /// them.
    pub fn ascii(&self) -> Vec<Option<String>> {
        let escaped = |(i, value): (usize, &Option<&str>)| {
            value.map(|text| if self.said.contains(&i) { output::ascii(text) } else { text.to_owned() })
        };
        self.values.iter().enumerate().map(escaped).collect()
    }

    /// Returns the same statement with other values.
    pub fn with<'a>(&'a self, values: &'a [Option<String>]) -> Statement<'a> {
        Statement { values: values.iter().map(Option::as_deref).collect(), ..*self }
    }
}

/// A statement that is sent later, with its values.
#[derive(Debug, Clone)]
pub struct Later {
    name: String,
    values: Vec<Option<String>>,
}

impl Later {
    /// Copies a statement.
    pub fn new(one: &Statement<'_>) -> Later {
        let values = one.values.iter().map(|value| value.map(str::to_owned)).collect();
        Later { name: one.name.to_owned(), values }
    }

    /// Returns the statement.
    pub fn statement(&self) -> Statement<'_> {
        Statement { values: self.values.iter().map(Option::as_deref).collect(), ..Statement::of(&self.name) }
    }
}

/// A job's text, and how it runs.
#[derive(Debug, Clone, Copy)]
pub struct JobText<'a> {
    /// The job's time zone.
    pub zone: &'a str,
    /// The role that it runs as, if it is not the session's own.
    pub role: Option<&'a str>,
    /// Whether it runs in a transaction with its record.
    pub transaction: bool,
    /// The text.
    pub sql: &'a str,
    /// Its date, if the text uses it.
    pub date: Option<&'a str>,
}

/// The answers to a job's text, and to what was sent before it.
#[derive(Debug, Default)]
pub struct JobAnswer {
    /// The error, if a statement that was sent before the job's transaction was refused. Then nothing of the job has run.
    pub refused_before: Option<Error>,
    /// The server's answer to the job.
    pub job: Response,
}

/// Returns one of the statements in [`PREPARED`] or [`SELDOM`], with these values.
pub fn named<'a>(name: &'static str, values: Vec<Option<&'a str>>) -> Statement<'a> {
    Statement { values, ..Statement::of(name) }
}

/// Creates a statement without values, marked as pgkit's own.
macro_rules! plain {
    ($sql:literal) => {
        $crate::jobs::session::Statement::of(concat!("/* pgkit */ ", $sql))
    };
}
pub(crate) use plain;

/// Returns the statements that undo a job's own settings, before pgkit's statements run in its session.
pub fn undo() -> [Statement<'static>; 5] {
    let [session, role, all] =
        [plain!("RESET SESSION AUTHORIZATION"), plain!("RESET ROLE"), plain!("RESET ALL")];
    [session, role, all, OWN_PATH, named("house", vec![])]
}

/// Returns the statements that remove what a job may leave in a session apart from settings. The last one returns
/// the SQL that deallocates what the job has prepared.
pub fn clean() -> [Statement<'static>; 4] {
    [plain!("DISCARD TEMP"), plain!("UNLISTEN *"), plain!("CLOSE ALL"), named("prepared", vec![])]
}

/// Is called with each SQL text that runs.
pub type Echo = Option<Box<dyn Fn(&str)>>;

/// The statements of [`PREPARED`], [`PLAIN`] and [`SELDOM`], with the schema filled in.
struct Texts {
    all: Vec<Text>,
    /// Whether every statement is sent by its text, as if nothing were prepared.
    by_text: bool,
}

struct Text {
    name: &'static str,
    /// The name that it is prepared under; empty if it is not prepared.
    prepared: String,
    sql: String,
}

impl Texts {
    fn new(schema: &str) -> Texts {
        let text =
            |name, prepared, sql| Text { name, prepared, sql: format!("{MARK}{}", in_schema(sql, schema)) };
        let prepared = PREPARED.iter().map(|(name, sql)| text(name, format!("{OURS}{name}"), sql));
        let plain = PLAIN.iter().enumerate().map(|(i, one)| Text {
            name: one.name,
            prepared: format!("{OURS}{i}"),
            sql: one.name.to_owned(),
        });
        let seldom = SELDOM.iter().map(|(name, sql)| text(name, String::new(), sql));
        Texts { all: prepared.chain(plain).chain(seldom).collect(), by_text: false }
    }

    fn piped<'a>(&'a self, one: &'a Statement<'a>) -> Piped<'a> {
        let text = self.all.iter().find(|text| text.name == one.name && !one.is_job);
        Piped {
            name: text.filter(|_| !self.by_text).map_or("", |text| &text.prepared),
            sql: text.map_or(one.name, |text| &text.sql),
            types: one.types,
            values: &one.values,
            keep: !one.is_job,
        }
    }
}

/// A direct session, outside any transaction.
pub struct Session {
    wire: Wire,
    echo: Echo,
    texts: Texts,
    /// The role's own search path and, in the next field, its own plan_cache_mode, both as the server writes them.
    path: String,
    plan: String,
    /// Whether it holds a job's lock.
    holds_lock: bool,
    /// Whether the server's timeout for idle sessions is switched off because there is nothing to do.
    idles: bool,
    /// When the latest pipeline that the server has answered was sent, on [`boot_time`]'s clock.
    heard: Duration,
}

impl Session {
    /// Connects, with all the settings that make the server notice soon that we are gone.
    ///
    /// Errors: no connection (69), a pooler in between (64), the tables are missing (65).
    pub async fn connect(target: &Target, schema: &str, echo: Echo) -> Result<Session> {
        let mut session = Session::open(target, schema, echo).await?;
        bounded(session.begin()).await?;
        Ok(session)
    }

    /// Connects to another database for a job's SQL. The session has the same settings, but prepares only statements
    /// that do not use pgkit's tables.
    ///
    /// Errors: no connection (69), a pooler in between (64).
    pub async fn elsewhere(target: &Target, echo: Echo) -> Result<Session> {
        let mut session = Session::open(target, "pg_catalog", echo).await?;
        session.texts.by_text = true;
        bounded(session.wire.run(&format!("SET {PATH}; {HOUSE}"))).await?;
        Ok(session)
    }

    async fn open(target: &Target, schema: &str, echo: Echo) -> Result<Session> {
        let mut never =
            |_: &str| Err(Error::new(Exit::Unavailable, "missing password: the server asks for one"));
        let running = InFlight::default();
        let connect = Wire::connect(target, ROLES, "connect to the server itself", &running, &mut never);
        let (wire, roles, _) =
            tokio::time::timeout(PATIENCE, connect).await.unwrap_or_else(|_| Err(late()))?;
        let mut roles = roles.into_iter().map(Option::unwrap_or_default);
        Ok(Session {
            wire,
            echo,
            texts: Texts::new(schema),
            path: roles.next().unwrap_or_default(),
            plan: roles.next().unwrap_or_default(),
            holds_lock: false,
            idles: false,
            heard: boot_time(),
        })
    }

    async fn begin(&mut self) -> Result<()> {
        self.wire.run(&format!("SET {PATH}; {HOUSE}")).await?;
        let all = self.texts.all.iter().filter(|text| !text.prepared.is_empty());
        let answer = self.wire.prepare(all.map(|text| (text.prepared.as_str(), text.sql.as_str()))).await?;
        if let Some(refused) = answer.refused {
            return Err(store::explain(refused));
        }
        // A new connection may lead to another server than the previous one.
        self.pipeline(&[named("meta_changed", vec![])]).await.map(drop).map_err(store::explain)
    }

    /// Has the server plan the prepared statements now, so that the first job need not wait for that.
    ///
    /// Errors: it is refused, and the session is unusable.
    pub async fn plan_ahead(&mut self) -> Result<()> {
        // Before version 12, the server plans these statements anew for the values of each execution.
        if self.version().major() < 12 {
            return Ok(());
        }
        let planned =
            self.texts.all.iter().filter(|text| PREPARED.iter().any(|(name, _)| *name == text.name));
        let explained = planned.map(|text| {
            let count =
                sql::scan(&text.sql).placeholders.iter().map(|(number, _)| *number).max().unwrap_or(0);
            let nulls = vec!["NULL"; count];
            let values = if nulls.is_empty() { String::new() } else { format!("({})", nulls.join(", ")) };
            format!("EXPLAIN EXECUTE {}{values}", text.prepared)
        });
        // Planning reads this setting, which is otherwise set by the statement that takes the lock.
        let begin = "BEGIN; SET LOCAL pgkit.lock = 'false'".to_owned();
        let all: Vec<String> = [begin].into_iter().chain(explained).chain(["ROLLBACK".to_owned()]).collect();
        bounded(self.wire.run(&all.join("; "))).await
    }

    /// Prepares the statement that checks whether an attempt is watched, unless it is prepared already. Sessions do not
    /// prepare it from the start, because its table may be missing.
    ///
    /// Errors: it is refused, or the connection is lost.
    pub async fn prepare_watched(&mut self) -> Result<()> {
        let text = self.texts.all.iter_mut().find(|text| text.name == "watched" && text.prepared.is_empty());
        let Some(text) = text else { return Ok(()) };
        let name = format!("{OURS}watched");
        let answer = bounded(self.wire.prepare([(name.as_str(), text.sql.as_str())])).await?;
        if let Some(refused) = answer.refused {
            return Err(refused);
        }
        text.prepared = name;
        Ok(())
    }

    /// Returns the server's version.
    pub fn version(&self) -> ServerVersion {
        self.wire.version()
    }

    /// Returns when the latest request that the server has answered was sent, on [`boot_time`]'s clock.
    pub fn heard(&self) -> Duration {
        self.heard
    }

    /// Returns whether the session must not outlive a job's turn, because it still holds the lock, or because its
    /// prepared statements are gone.
    pub fn is_spent(&self) -> bool {
        self.holds_lock || self.texts.by_text
    }

    /// Returns whether it holds a job's lock.
    pub fn holds_lock(&self) -> bool {
        self.holds_lock
    }

    /// Returns a handle that cancels the running statement.
    pub fn canceler(&self) -> Canceler {
        self.wire.canceler()
    }

    /// Sets the function that receives the server's notices from now on.
    pub fn hear(&mut self, hearer: Option<Hearer>) {
        self.wire.hear(hearer);
    }

    /// Prepares the session for a while without work, so that the server does not take our silence for our end.
    pub async fn idle(&mut self) -> Result<()> {
        if self.version().major() >= 14 {
            bounded(self.wire.run("SET idle_session_timeout = 0")).await?;
            self.idles = true;
        }
        Ok(())
    }

    /// Undoes [`Session::idle`], because there is something to do again.
    pub async fn wake(&mut self) -> Result<()> {
        if self.idles {
            bounded(self.wire.run("RESET idle_session_timeout")).await?;
            self.idles = false;
        }
        Ok(())
    }

    /// Runs several statements in one round trip, up to the first one that is refused. Its refusal is returned as
    /// the error.
    pub async fn pipeline(&mut self, statements: &[Statement<'_>]) -> Result<Vec<Response>> {
        let mut answers = self.tried(statements).await?;
        match answers.iter_mut().find_map(|answer| answer.refused.take()) {
            Some(refused) => Err(refused),
            None => Ok(answers),
        }
    }

    /// Runs several statements in one round trip, up to the first one that is refused, whose answer is the last
    /// one. Errors: the connection is lost.
    pub async fn tried(&mut self, statements: &[Statement<'_>]) -> Result<Vec<Response>> {
        let sent = boot_time();
        let answers = bounded(self.go(statements, &[])).await?.into_iter().next().unwrap_or_default();
        self.heard = sent;
        Ok(answers)
    }

    /// Runs statements, and then texts, in one round trip. Returns the answers of each part.
    async fn go(&mut self, statements: &[Statement<'_>], then: &[&str]) -> Result<Vec<Vec<Response>>> {
        let Session { wire, texts, echo, .. } = self;
        let piped: Vec<Piped<'_>> = statements.iter().map(|one| texts.piped(one)).collect();
        for one in &piped {
            show(echo, one.sql, one.values);
        }
        for text in then {
            show(echo, text, &[]);
        }
        let ours = Some(Part::Statements(&piped)).filter(|_| !piped.is_empty());
        let parts: Vec<Part<'_>> = ours.into_iter().chain(then.iter().map(|text| Part::Text(text))).collect();
        let all = wire.in_one_go(&parts).await?;
        for (one, answer) in statements.iter().zip(all.first().into_iter().flatten()) {
            match one.name {
                "lock" if answer.refused.is_none() => {
                    self.holds_lock = first(Some(answer)).as_deref() == Some("t");
                }
                "unlock" if answer.refused.is_none() => self.holds_lock = false,
                _ => {}
            }
        }
        Ok(all)
    }

    /// Returns the single value of one statement, as JSON if it is a composite.
    pub async fn one(&mut self, statement: Statement<'_>) -> Result<Option<String>> {
        let answers = self.pipeline(&[statement]).await?;
        Ok(first(answers.last()))
    }

    /// Runs a job's text in this time zone, with its role and its date if it has them, without a time limit. With
    /// `transaction`, begins a transaction, which includes the job's deferred constraint checks. Where possible
    /// everything is sent in one round trip: nothing runs after a statement that has failed. `before` are statements
    /// that run before the job, in a transaction of their own, and whose answers are passed to `early`.
    pub async fn job(
        &mut self,
        before: &[Later],
        early: &mut dyn FnMut(&[Response]),
        text: &JobText<'_>,
    ) -> Result<JobAnswer> {
        let JobText { zone, role, transaction, sql, date } = *text;
        let words = sql.to_ascii_lowercase();
        // Once the job has deallocated pgkit's statements, they are gone for the rest of the session.
        self.texts.by_text |= words.contains("deallocate");
        let (path, plan) = (self.path.clone(), self.plan.clone());
        let local = if transaction { "t" } else { "f" };
        let work = named("work", vec![Some(zone), Some(local), Some(&path), Some(&plan), role]);
        let several = sql::statements(sql);
        let one = Some(Statement::job(sql, date)).filter(|_| date.is_some() || several.len() == 1);
        // A COPY FROM STDIN, which cannot have a date, would read what follows as its data.
        let copies = date.is_none() && words.contains("copy");
        // Before version 11, statements sent in one round trip all get the time of the first one.
        let at_once = transaction && !copies && self.version().major() >= 11;
        let mut first: Vec<Statement<'_>> = before.iter().map(Later::statement).collect();
        let count = first.len();
        if count > 0
            && let (Some(one), true) = (&one, at_once)
        {
            first.extend([plain!("BEGIN"), work, one.clone(), plain!("SET CONSTRAINTS ALL IMMEDIATE")]);
            let mut answers = self.early(&first, count, early).await?;
            let status = answers.last().map_or(b'I', |answer| answer.status);
            let refused = answers.iter().position(|answer| answer.refused.is_some());
            return Ok(match refused.map(|at| (at, answers.swap_remove(at))) {
                Some((at, answer)) if at < count => {
                    JobAnswer { refused_before: answer.refused, job: Response::default() }
                }
                Some((_, answer)) => JobAnswer { refused_before: None, job: Response { status, ..answer } },
                None => JobAnswer { refused_before: None, job: Response { status, ..Response::default() } },
            });
        }
        if count > 0 {
            let mut answers = self.tried(&first).await?;
            early(&answers);
            if let Some(refused) = answers.iter_mut().find_map(|answer| answer.refused.take()) {
                return Ok(JobAnswer { refused_before: Some(refused), job: Response::default() });
            }
        }
        let mut all = if transaction {
            // The job may have deallocated pgkit's statements: that is reported when its record needs them.
            let deferred = plain!("SET CONSTRAINTS ALL IMMEDIATE");
            let before = [plain!("BEGIN"), work];
            match one.filter(|_| !copies) {
                Some(one) if !at_once => {
                    let mut all = vec![self.tried(&before).await?];
                    if !is_refused(&all) {
                        all.extend(self.go(&[one, deferred], &[]).await?);
                    }
                    all
                }
                Some(one) => {
                    let [begin, work] = before;
                    self.go(&[begin, work, one, deferred], &[]).await?
                }
                None if copies => {
                    let mut all = self.go(&before, &[sql]).await?;
                    if !is_refused(&all) {
                        all.extend(self.go(&[deferred], &[]).await?);
                    }
                    all
                }
                None => self.go(&before, &[sql, deferred.name]).await?,
            }
        } else {
            let mut all = vec![self.tried(&[work]).await?];
            // Several statements in one message would form one transaction.
            for text in several {
                if is_refused(&all) {
                    break;
                }
                all.extend(match date {
                    Some(_) => self.go(&[Statement::job(text, date)], &[]).await?,
                    None => self.go(&[], &[text]).await?,
                });
            }
            all
        };
        let status = all.last().and_then(|answers| answers.last()).map_or(b'I', |answer| answer.status);
        let refused = all.iter_mut().flatten().find(|answer| answer.refused.is_some());
        let job = Response { status, ..refused.map(std::mem::take).unwrap_or_default() };
        Ok(JobAnswer { refused_before: None, job })
    }

    /// Runs statements in one round trip, and passes the answers to the first `count` of them to `early` as soon as
    /// they have run.
    async fn early(
        &mut self,
        statements: &[Statement<'_>],
        count: usize,
        early: &mut dyn FnMut(&[Response]),
    ) -> Result<Vec<Response>> {
        let Session { wire, texts, echo, .. } = self;
        let piped: Vec<Piped<'_>> = statements.iter().map(|one| texts.piped(one)).collect();
        for one in &piped {
            show(echo, one.sql, one.values);
        }
        wire.with_early(&piped, count, early).await
    }

    /// Deallocates what a job has prepared, by the SQL in the answer to the last statement of [`clean`]. Errors:
    /// it is refused.
    pub async fn forget_prepared(&mut self, prepared: Option<&Response>) -> Result<()> {
        match first(prepared) {
            Some(text) => bounded(self.wire.run(&text)).await,
            None => Ok(()),
        }
    }

    /// Removes whatever a job has left in the session. Errors: it is refused.
    pub async fn clean(&mut self) -> Result<()> {
        let answers = self.pipeline(&clean()).await?;
        self.forget_prepared(answers.last()).await
    }

    /// Rolls back the open transaction, if there is one.
    pub async fn roll_back(&mut self) -> Result<()> {
        self.pipeline(&[plain!("ROLLBACK")]).await.map(drop)
    }

    /// Closes the session properly, which takes at most 500 ms.
    pub async fn close(self) {
        let _ = tokio::time::timeout(Duration::from_millis(500), self.wire.close()).await;
    }
}

fn is_refused(answers: &[Vec<Response>]) -> bool {
    answers.iter().flatten().any(|answer| answer.refused.is_some())
}

/// The type of a date. Source: the server's catalog pg_type, where its OID is fixed.
const TIMESTAMPTZ: u32 = 1184;

/// Passes a text that is about to run to `echo`.
fn show(echo: &Echo, sql: &str, values: &[Option<&str>]) {
    if let Some(echo) = echo {
        echo(&echoed_text(sql, values));
    }
}

fn late() -> Error {
    Error::new(Exit::Unavailable, "the server did not answer in time")
}

async fn bounded<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(late()))
}

/// Returns the first value of an answer.
pub fn first(answer: Option<&Response>) -> Option<String> {
    answer?.rows.first()?.first()?.clone()
}

/// Parses the single JSON value of an answer. Errors: it is not such a value (70).
pub fn json<T: DeserializeOwned>(answer: Option<&Response>) -> Result<T> {
    let text = first(answer).unwrap_or_default();
    serde_json::from_str(&text)
        .map_err(|e| Error::bug("unexpected row from pgkit's own query").caused_by(e).caused_by(text))
}

/// Returns the target of a guard's session. The session's own settings are part of the start-up message, so that
/// RESET ALL restores them. `role` is the role that the session works as, if it is not the one that connects;
/// `watches_client` says whether the server notices by itself that its client is gone.
pub fn own_target(
    target: &Target,
    version: ServerVersion,
    watches_client: bool,
    role: Option<&str>,
) -> Target {
    let mut target = target.clone();
    let mut set = vec![
        ("idle_in_transaction_session_timeout", "5s"),
        ("statement_timeout", "12s"),
        ("lock_timeout", "3s"),
        ("default_transaction_isolation", "read\\ committed"),
        ("default_transaction_read_only", "off"),
        ("standard_conforming_strings", "on"),
        ("tcp_keepalives_idle", "5"),
        ("tcp_keepalives_interval", "2"),
        ("tcp_keepalives_count", "3"),
    ];
    if version.major() >= 12 {
        set.push(("tcp_user_timeout", "10s"));
    }
    if version.major() >= 17 {
        // A job's transaction may take any time.
        set.push(("transaction_timeout", "0"));
    }
    if version.major() >= 14 {
        set.push(("idle_session_timeout", "5s"));
    }
    if watches_client {
        set.push(("client_connection_check_interval", "500ms"));
    }
    // Otherwise RESET ROLE would return to a role set by the database's owner.
    let role = escaped(role.unwrap_or("none"));
    set.push(("role", &role));
    let set: Vec<String> = set.into_iter().map(|(name, value)| format!("-c {name}={value}")).collect();
    let before = target.options.take().map(|options| format!("{options} ")).unwrap_or_default();
    target.options = Some(format!("{before}{}", set.join(" ")));
    target.keepalives.on = true;
    target.keepalives.idle = Some(5);
    target.keepalives.interval = Some(2);
    target.keepalives.count = Some(3);
    target.keepalives.user_timeout = Some(10_000);
    target.connect_timeout = Some(target.connect_timeout.unwrap_or(Duration::from_secs(5)));
    target.prompt = crate::connect::Prompt::Never;
    if target.hosts.len() > 1 && target.session_attrs == SessionAttrs::Any {
        // A lock taken on a standby, or on any other server that happens to answer, protects nothing.
        target.session_attrs = SessionAttrs::ReadWrite;
    }
    target
}

/// Escapes a value for the start-up options, which the server splits at whitespace.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if c.is_ascii_whitespace() || c == '\\' {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_of_pgkits_is_marked_and_only_what_a_job_has_said_is_escaped() {
        assert!(PLAIN.iter().all(|one| one.name.starts_with(MARK)));
        let said = named("notify", vec![Some("für"), Some("für")]).with_said(&[1]);
        let escaped = said.ascii();
        assert_eq!((escaped[0].as_deref(), escaped[1].as_deref()), (Some("für"), Some("f\\u{fc}r")));
        assert_eq!(said.with(&escaped).ascii(), escaped);
    }
}
