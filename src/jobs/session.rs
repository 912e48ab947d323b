//! A guard's session: a direct connection that holds a job's lock. The server ends it when nothing is heard for some
//! seconds, and so the lock is free soon after its owner is gone, however he went.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::output;
use super::process::boot_time;
use super::store::{self, in_schema};
use crate::connect::{Canceler, ServerVersion, SessionAttrs, Target};
use crate::error::{Error, Exit, Result};
use crate::session::{Answer, Hearer, MARK, PATH, Part, Piped, Running, Wire, echoed_text};
use crate::sql;

/// How long bookkeeping may take.
pub const PATIENCE: Duration = Duration::from_secs(15);

const HOUSE: &str = include_str!("../../queries/jobs/house.sql");
/// The role's own values of settings that pgkit changes for its own statements.
const ROLES: &str = include_str!("../../queries/jobs/roles.sql");

/// The statements that are prepared once.
const PREPARED: &[(&str, &str)] = &[
    ("house", HOUSE),
    ("wait", include_str!("../../queries/jobs/wait.sql")),
    ("lock", include_str!("../../queries/jobs/lock.sql")),
    ("row", include_str!("../../queries/jobs/row.sql")),
    ("look", include_str!("../../queries/jobs/look.sql")),
    ("claim", include_str!("../../queries/jobs/claim.sql")),
    ("next", include_str!("../../queries/jobs/next.sql")),
    ("finish", include_str!("../../queries/jobs/finish.sql")),
    ("ping", include_str!("../../queries/jobs/ping.sql")),
    ("work", include_str!("../../queries/jobs/work.sql")),
    ("unlock", include_str!("../../queries/jobs/unlock_all.sql")),
    ("prepared", include_str!("../../queries/jobs/prepared.sql")),
];
/// Those that have no values, as [`plain!`] marks them.
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
/// The search path of pgkit's own statements, which is nobody's to change.
const OWN_PATH: Statement<'static> = plain!("SET search_path = pg_catalog, pg_temp");
/// What no job should call what it prepares itself.
const OURS: &str = "pgkit_";
/// Statements that are needed seldom: parsed when they are.
const SELDOM: &[(&str, &str)] = &[
    ("release", include_str!("../../queries/jobs/release.sql")),
    ("seen_free", include_str!("../../queries/jobs/seen_free.sql")),
    ("cut_off", include_str!("../../queries/jobs/cut_off.sql")),
    ("refresh", include_str!("../../queries/jobs/refresh.sql")),
    ("own_row", include_str!("../../queries/jobs/own_row.sql")),
    ("regained", include_str!("../../queries/jobs/regained.sql")),
    ("stolen", include_str!("../../queries/jobs/stolen.sql")),
    ("leader", include_str!("../../queries/jobs/leader.sql")),
    ("state_of", include_str!("../../queries/jobs/state_of.sql")),
    ("supersede", include_str!("../../queries/jobs/supersede.sql")),
    ("notify", include_str!("../../queries/jobs/notify.sql")),
    ("as_owner", include_str!("../../queries/jobs/as_owner.sql")),
    ("meta_changed", include_str!("../../queries/jobs/meta_changed.sql")),
];

/// A statement of a pipeline: its name, or its text, and its values.
#[derive(Debug, Clone)]
pub struct Statement<'a> {
    name: &'a str,
    types: &'static [u32],
    values: Vec<Option<&'a str>>,
    said: &'static [usize],
    /// Is it a job's?
    is_job: bool,
}

impl<'a> Statement<'a> {
    /// This text, which has no values.
    pub const fn of(sql: &'a str) -> Statement<'a> {
        Statement { name: sql, types: &[], values: Vec::new(), said: &[], is_job: false }
    }

    /// A job's statement, with its date as a parameter of type timestamptz where it has one.
    fn job(sql: &'a str, date: Option<&'a str>) -> Statement<'a> {
        let values: Vec<Option<&str>> = date.map(Some).into_iter().collect();
        let types: &[u32] = if values.is_empty() { &[] } else { &[TIMESTAMPTZ] };
        Statement { name: sql, types, values, said: &[], is_job: true }
    }
}

impl Statement<'_> {
    /// The values in these places, from 0, are what a job has said: any text at all.
    pub fn with_said(self, places: &'static [usize]) -> Self {
        Statement { said: places, ..self }
    }

    /// Its values, where what a job has said is escaped for a server whose encoding does not hold it.
    pub fn ascii(&self) -> Vec<Option<String>> {
        let escaped = |(i, value): (usize, &Option<&str>)| {
            value.map(|text| if self.said.contains(&i) { output::ascii(text) } else { text.to_owned() })
        };
        self.values.iter().enumerate().map(escaped).collect()
    }

    /// The same statement with other values.
    pub fn with<'a>(&'a self, values: &'a [Option<String>]) -> Statement<'a> {
        Statement { values: values.iter().map(Option::as_deref).collect(), ..*self }
    }
}

/// One of [`PREPARED`] or [`SELDOM`].
pub fn named<'a>(name: &'static str, values: Vec<Option<&'a str>>) -> Statement<'a> {
    Statement { values, ..Statement::of(name) }
}

/// A statement without values, marked as pgkit's own.
macro_rules! plain {
    ($sql:literal) => {
        $crate::jobs::session::Statement::of(concat!("/* pgkit */ ", $sql))
    };
}
pub(crate) use plain;

/// What undoes a job's own settings, before pgkit's statements run in its session.
pub fn undo() -> [Statement<'static>; 5] {
    let [session, role, all] =
        [plain!("RESET SESSION AUTHORIZATION"), plain!("RESET ROLE"), plain!("RESET ALL")];
    [session, role, all, OWN_PATH, named("house", vec![])]
}

/// What a job may leave in a session beside its settings; the last one says what it has prepared.
pub fn clean() -> [Statement<'static>; 4] {
    [plain!("DISCARD TEMP"), plain!("UNLISTEN *"), plain!("CLOSE ALL"), named("prepared", vec![])]
}

/// Tells the SQL that runs.
pub type Echo = Option<Box<dyn Fn(&str)>>;

/// [`PREPARED`], [`PLAIN`] and [`SELDOM`] in their schema.
struct Texts {
    all: Vec<Text>,
    /// Nothing counts as prepared.
    by_text: bool,
}

struct Text {
    name: &'static str,
    /// What it is prepared as; empty: it is not.
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
    /// The role's own search path, and its own way to plan, as the server names it.
    path: String,
    plan: String,
    /// Does it hold a job's lock?
    holds_lock: bool,
    /// What the server ended a session at, if it was idle for so long, is off while nothing is to be done.
    idles: bool,
    /// When the last request of a pipeline was sent that the server has answered, on [`boot_time`]'s clock.
    heard: Duration,
}

impl Session {
    /// Connects, with all that makes the server notice soon that we are gone.
    ///
    /// Errors: no connection (69), a pooler stands between (64), the tables are not there (65).
    pub async fn connect(target: &Target, schema: &str, echo: Echo) -> Result<Session> {
        let mut never =
            |_: &str| Err(Error::new(Exit::Unavailable, "the server wants a password, and there is none"));
        let running = Running::default();
        let connect = Wire::connect(target, ROLES, "connect to the server itself", &running, &mut never);
        let (wire, roles, _) =
            tokio::time::timeout(PATIENCE, connect).await.unwrap_or_else(|_| Err(late()))?;
        let mut roles = roles.into_iter().map(Option::unwrap_or_default);
        let mut session = Session {
            wire,
            echo,
            texts: Texts::new(schema),
            path: roles.next().unwrap_or_default(),
            plan: roles.next().unwrap_or_default(),
            holds_lock: false,
            idles: false,
            heard: boot_time(),
        };
        bounded(session.begin()).await?;
        Ok(session)
    }

    async fn begin(&mut self) -> Result<()> {
        self.wire.run(&format!("SET {PATH}; {HOUSE}")).await?;
        let all = self.texts.all.iter().filter(|text| !text.prepared.is_empty());
        let answer = self.wire.prepare(all.map(|text| (text.prepared.as_str(), text.sql.as_str()))).await?;
        if let Some(refused) = answer.refused {
            return Err(store::explain(refused));
        }
        // Whatever connected anew may have come to another server than the one before.
        self.pipeline(&[named("meta_changed", vec![])]).await.map(drop).map_err(store::explain)
    }

    /// The server's version.
    pub fn version(&self) -> ServerVersion {
        self.wire.version()
    }

    /// When the last request was sent that the server has answered, on [`boot_time`]'s clock.
    pub fn heard(&self) -> Duration {
        self.heard
    }

    /// Has it something about it that must not outlive a job's turn: its lock, or what it has not prepared any more?
    pub fn is_spent(&self) -> bool {
        self.holds_lock || self.texts.by_text
    }

    /// Does it hold a job's lock?
    pub fn holds_lock(&self) -> bool {
        self.holds_lock
    }

    /// Cancels what runs.
    pub fn canceler(&self) -> Canceler {
        self.wire.canceler()
    }

    /// Who gets the server's notices from now on.
    pub fn hear(&mut self, hearer: Option<Hearer>) {
        self.wire.hear(hearer);
    }

    /// Nothing is to be done for a while: the server shall not take that for our end.
    pub async fn idle(&mut self) -> Result<()> {
        if self.version().major() >= 14 {
            bounded(self.wire.run("SET idle_session_timeout = 0")).await?;
            self.idles = true;
        }
        Ok(())
    }

    /// There is something to do again.
    pub async fn wake(&mut self) -> Result<()> {
        if self.idles {
            bounded(self.wire.run("RESET idle_session_timeout")).await?;
            self.idles = false;
        }
        Ok(())
    }

    /// Runs several statements in one go, up to the first one that is refused, which is the error.
    pub async fn pipeline(&mut self, statements: &[Statement<'_>]) -> Result<Vec<Answer>> {
        let mut answers = self.tried(statements).await?;
        match answers.iter_mut().find_map(|answer| answer.refused.take()) {
            Some(refused) => Err(refused),
            None => Ok(answers),
        }
    }

    /// Runs several statements in one go, up to the first one that is refused, whose answer is the last. Errors: the
    /// connection is lost.
    pub async fn tried(&mut self, statements: &[Statement<'_>]) -> Result<Vec<Answer>> {
        let sent = boot_time();
        let answers = bounded(self.go(statements, &[])).await?.into_iter().next().unwrap_or_default();
        self.heard = sent;
        Ok(answers)
    }

    /// Statements, and texts after them, in one go: the answers of each part.
    async fn go(&mut self, statements: &[Statement<'_>], then: &[&str]) -> Result<Vec<Vec<Answer>>> {
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

    /// The one value of one statement, as JSON where it is a composite.
    pub async fn one(&mut self, statement: Statement<'_>) -> Result<Option<String>> {
        let answers = self.pipeline(&[statement]).await?;
        Ok(first(answers.last()))
    }

    /// Runs a job's text in this time zone, as this role and with its date where it has them, without a limit of time. A
    /// transaction is begun here, and includes what the job has deferred. Where possible all is sent in one go: nothing runs
    /// after a statement that has failed.
    pub async fn job(
        &mut self,
        zone: &str,
        role: Option<&str>,
        transaction: bool,
        sql: &str,
        date: Option<&str>,
    ) -> Result<Answer> {
        let words = sql.to_ascii_lowercase();
        // Once it has let go what was prepared, that is gone for all the session's life.
        self.texts.by_text |= words.contains("deallocate");
        let (path, plan) = (self.path.clone(), self.plan.clone());
        let local = if transaction { "t" } else { "f" };
        let work = named("work", vec![Some(zone), Some(local), Some(&path), Some(&plan), role]);
        let several = sql::statements(sql);
        let one = Some(Statement::job(sql, date)).filter(|_| date.is_some() || several.len() == 1);
        // A COPY FROM STDIN, which has no date, would take what follows for its data.
        let copies = date.is_none() && words.contains("copy");
        let mut all = if transaction {
            // The job may have let go what was prepared: that is told where its record needs it.
            let deferred = plain!("SET CONSTRAINTS ALL IMMEDIATE");
            let before = [plain!("BEGIN"), work];
            match one.filter(|_| !copies) {
                // There what goes out in one go has the time of its first statement.
                Some(one) if self.version().major() < 11 => {
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
            // Several in one message would be one transaction.
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
        Ok(Answer { status, ..refused.map(std::mem::take).unwrap_or_default() })
    }

    /// Lets go what a job has prepared: the answer to the last one of [`clean`] says what. Errors: it is refused.
    pub async fn forget_prepared(&mut self, prepared: Option<&Answer>) -> Result<()> {
        match first(prepared) {
            Some(text) => bounded(self.wire.run(&text)).await,
            None => Ok(()),
        }
    }

    /// Lets go whatever a job has left. Errors: it is refused.
    pub async fn clean(&mut self) -> Result<()> {
        let answers = self.pipeline(&clean()).await?;
        self.forget_prepared(answers.last()).await
    }

    /// Rolls back whatever is open.
    pub async fn roll_back(&mut self) -> Result<()> {
        self.pipeline(&[plain!("ROLLBACK")]).await.map(drop)
    }

    /// Says goodbye.
    pub async fn close(self) {
        let _ = tokio::time::timeout(Duration::from_millis(500), self.wire.close()).await;
    }
}

fn is_refused(answers: &[Vec<Answer>]) -> bool {
    answers.iter().flatten().any(|answer| answer.refused.is_some())
}

/// The type of a date. Source: the server's catalog pg_type, where its number is fixed.
const TIMESTAMPTZ: u32 = 1184;

/// Tells a text that runs.
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

/// The first value of an answer.
pub fn first(answer: Option<&Answer>) -> Option<String> {
    answer?.rows.first()?.first()?.clone()
}

/// The one JSON value of an answer. Errors: it is none (70).
pub fn json<T: DeserializeOwned>(answer: Option<&Answer>) -> Result<T> {
    let text = first(answer).unwrap_or_default();
    serde_json::from_str(&text).map_err(|e| {
        Error::bug("a row of pgkit's own query is not what was expected").caused_by(e).caused_by(text)
    })
}

/// The target of a guard's session: where the session's own settings come with the start-up message, so that RESET ALL
/// brings them back. `role` is the role that the session works as, where it is not the one that connects; `watches_client`
/// says whether the server notices by itself that its client is gone.
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
        // A job may take its time.
        set.push(("transaction_timeout", "0"));
    }
    if version.major() >= 14 {
        set.push(("idle_session_timeout", "5s"));
    }
    if watches_client {
        set.push(("client_connection_check_interval", "500ms"));
    }
    // RESET ROLE would otherwise return to a role that the database's owner has set.
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
        // A lock on a standby, or on whatever else answers, holds nothing.
        target.session_attrs = SessionAttrs::ReadWrite;
    }
    target
}

/// A value for the start-up options, which the server splits at blanks.
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
