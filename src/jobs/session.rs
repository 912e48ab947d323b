//! A guard's session: a direct connection that holds a job's lock. The server ends it when nothing is heard for some
//! seconds, and so the lock is free soon after its owner is gone, however he went.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::output;
use super::process::boot_time;
use super::store::{self, in_schema};
use crate::connect::{Canceler, ServerVersion, SessionAttrs, Target};
use crate::error::{Error, Exit, Result};
use crate::session::{Answer, Hearer, MARK, Piped, Running, Wire, echoed_text};
use crate::sql;

/// How long bookkeeping may take.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// The statements that are prepared once, under these names.
const PREPARED: &[(&str, &str)] = &[
    ("house", include_str!("../../queries/jobs/house.sql")),
    ("lock", include_str!("../../queries/jobs/lock.sql")),
    ("row", include_str!("../../queries/jobs/row.sql")),
    ("look", include_str!("../../queries/jobs/look.sql")),
    ("claim", include_str!("../../queries/jobs/claim.sql")),
    ("next", include_str!("../../queries/jobs/next.sql")),
    ("finish", include_str!("../../queries/jobs/finish.sql")),
    ("ping", include_str!("../../queries/jobs/ping.sql")),
    ("work", include_str!("../../queries/jobs/work.sql")),
    ("unlock", include_str!("../../queries/jobs/unlock_all.sql")),
];
/// Statements that are needed seldom: parsed when they are.
const SELDOM: &[(&str, &str)] = &[
    ("release", include_str!("../../queries/jobs/release.sql")),
    ("seen_free", include_str!("../../queries/jobs/seen_free.sql")),
    ("cut_off", include_str!("../../queries/jobs/cut_off.sql")),
    ("refresh", include_str!("../../queries/jobs/refresh.sql")),
    ("regained", include_str!("../../queries/jobs/regained.sql")),
    ("stolen", include_str!("../../queries/jobs/stolen.sql")),
    ("leader", include_str!("../../queries/jobs/leader.sql")),
    ("state_of", include_str!("../../queries/jobs/state_of.sql")),
    ("supersede", include_str!("../../queries/jobs/supersede.sql")),
    ("notify", include_str!("../../queries/jobs/notify.sql")),
    ("as_owner", include_str!("../../queries/jobs/as_owner.sql")),
];

/// Where the values of these statements are what a job has said, by their places from 0: any text at all.
const SAID: &[(&str, &[usize])] =
    &[("finish", &[7, 8, 9, 13, 14]), ("next", &[6, 7]), ("release", &[3, 7, 8]), ("notify", &[1])];

/// A statement of a pipeline: its name among the prepared ones, or its text, and its values.
#[derive(Debug, Clone)]
pub struct Statement<'a> {
    name: &'static str,
    sql: &'static str,
    values: Vec<Option<&'a str>>,
}

impl Statement<'static> {
    /// This text, which has no values.
    pub const fn of(sql: &'static str) -> Statement<'static> {
        Statement { name: "", sql, values: Vec::new() }
    }
}

impl Statement<'_> {
    /// Does it begin a transaction?
    fn begins(&self) -> bool {
        self.sql == plain!("BEGIN").sql
    }

    /// Its values, where what a job has said is escaped for a server whose encoding does not hold it.
    pub fn ascii(&self) -> Vec<Option<String>> {
        let said = SAID.iter().find(|(name, _)| *name == self.name).map_or(&[][..], |(_, places)| places);
        let escaped = |(i, value): (usize, &Option<&str>)| {
            value.map(|text| if said.contains(&i) { output::ascii(text) } else { text.to_owned() })
        };
        self.values.iter().enumerate().map(escaped).collect()
    }

    /// The same statement with other values.
    pub fn with<'a>(&self, values: &'a [Option<String>]) -> Statement<'a> {
        Statement { name: self.name, sql: self.sql, values: values.iter().map(Option::as_deref).collect() }
    }
}

/// One of [`PREPARED`] or [`SELDOM`].
pub fn named<'a>(name: &'static str, values: Vec<Option<&'a str>>) -> Statement<'a> {
    Statement { name, sql: "", values }
}

/// A statement without values, marked as pgkit's own.
macro_rules! plain {
    ($sql:literal) => {
        $crate::jobs::session::Statement::of(concat!("/* pgkit */ ", $sql))
    };
}
pub(crate) use plain;

/// Tells the SQL that runs.
pub type Echo = Option<Box<dyn Fn(&str)>>;

/// A direct session, outside any transaction.
pub struct Session {
    wire: Wire,
    echo: Echo,
    /// The texts of [`PREPARED`] and [`SELDOM`] in their schema.
    texts: Vec<(&'static str, String)>,
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
        let connect = Wire::connect(target, &running, &mut never);
        let (wire, _) = tokio::time::timeout(PATIENCE, connect).await.unwrap_or_else(|_| Err(late()))?;
        let all = PREPARED.iter().chain(SELDOM);
        let texts = all.map(|(name, text)| (*name, format!("{MARK}{}", in_schema(text, schema)))).collect();
        let mut session = Session { wire, echo, texts, idles: false, heard: boot_time() };
        bounded(session.begin()).await?;
        Ok(session)
    }

    async fn begin(&mut self) -> Result<()> {
        let answer = self
            .wire
            .simple(plain!("SELECT pg_catalog.pg_backend_pid(); SET search_path = pg_catalog").sql, true)
            .await?;
        let pid = answer.rows.first().and_then(|row| row.first()?.as_ref()?.parse::<i32>().ok());
        if pid != Some(self.wire.backend_pid()) {
            return Err(store::pooler());
        }
        for (name, text) in self.texts.iter().filter(|(name, _)| PREPARED.iter().any(|(n, _)| n == name)) {
            // Several Parse messages in one go would be quicker by a millisecond; this is once in a guard's life.
            let answer = self.wire.prepare(name, text).await?;
            if let Some(refused) = answer.refused {
                return Err(store::explain(refused));
            }
        }
        self.wire.run("RESET search_path").await
    }

    /// The server's version.
    pub fn version(&self) -> ServerVersion {
        self.wire.version()
    }

    /// When the last request was sent that the server has answered, on [`boot_time`]'s clock.
    pub fn heard(&self) -> Duration {
        self.heard
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

    fn piped<'a>(texts: &'a [(&'static str, String)], one: &'a Statement<'a>) -> Piped<'a> {
        let prepared = PREPARED.iter().any(|(name, _)| *name == one.name);
        let text = || texts.iter().find(|(name, _)| *name == one.name).map_or(one.sql, |(_, text)| text);
        Piped { name: if prepared { one.name } else { "" }, sql: text(), values: &one.values }
    }

    fn show(&self, statements: &[Statement<'_>]) {
        if let Some(echo) = &self.echo {
            for one in statements {
                echo(&echoed_text(Session::piped(&self.texts, one).sql, &one.values));
            }
        }
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
        self.show(statements);
        let Session { wire, texts, .. } = self;
        let piped: Vec<Piped<'_>> = statements.iter().map(|one| Session::piped(texts, one)).collect();
        let sent = boot_time();
        let answers = bounded(wire.together(&piped)).await?;
        self.heard = sent;
        Ok(answers)
    }

    /// The one value of one statement, as JSON where it is a composite.
    pub async fn one(&mut self, statement: Statement<'_>) -> Result<Option<String>> {
        let answers = self.pipeline(&[statement]).await?;
        Ok(first(answers.last()))
    }

    /// What the server refuses of these statements.
    async fn refused(&mut self, statements: &[Statement<'_>]) -> Result<Option<Answer>> {
        let answers = self.tried(statements).await?;
        let status = answers.last().map(|answer| answer.status).unwrap_or_default();
        let refused = answers.into_iter().find(|answer| answer.refused.is_some());
        Ok(refused.map(|answer| Answer { status, ..answer }))
    }

    /// Statements of ours, and after them a text of the job's in one message; without any bound of time. What begins
    /// with BEGIN goes out with the text in one go: in a transaction that has failed it does not run.
    pub async fn job_text(&mut self, before: &[Statement<'_>], sql: &str) -> Result<Answer> {
        if !before.first().is_some_and(Statement::begins) {
            if let Some(refused) = self.refused(before).await? {
                return Ok(refused);
            }
            let mut answer = Answer { status: b'I', ..Answer::default() };
            // Several in one message would be one transaction.
            for statement in sql::statements(sql) {
                if let Some(echo) = &self.echo {
                    echo(&echoed_text(statement, &[]));
                }
                answer = self.wire.simple(statement, false).await?;
                if answer.refused.is_some() {
                    break;
                }
            }
            return Ok(answer);
        }
        self.show(before);
        if let Some(echo) = &self.echo {
            echo(&echoed_text(sql, &[]));
        }
        let Session { wire, texts, .. } = self;
        let piped: Vec<Piped<'_>> = before.iter().map(|one| Session::piped(texts, one)).collect();
        wire.together_then(&piped, sql).await
    }

    /// One statement of the job's, with its date as a parameter of type timestamptz; without any bound of time.
    pub async fn job_dated(&mut self, before: &[Statement<'_>], sql: &str, date: &str) -> Result<Answer> {
        if let Some(refused) = self.refused(before).await? {
            return Ok(refused);
        }
        if let Some(echo) = &self.echo {
            echo(&echoed_text(sql, &[Some(date)]));
        }
        self.wire.execute_typed(sql, &[(TIMESTAMPTZ, Some(date))]).await
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

/// The type of a date. Source: the server's catalog pg_type, where its number is fixed.
const TIMESTAMPTZ: u32 = 1184;

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
/// brings them back.
pub fn own_target(target: &Target, version: ServerVersion) -> Target {
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
        // A platform without it refuses any value but 0; Linux has it.
        if cfg!(target_os = "linux") {
            set.push(("client_connection_check_interval", "500ms"));
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_of_pgkits_is_marked_and_only_what_a_job_has_said_is_escaped() {
        assert_eq!(plain!("COMMIT").sql, format!("{MARK}COMMIT"));
        let finish =
            named("finish", vec![Some("für"), None, None, None, None, None, None, None, Some("für")]);
        let escaped = finish.ascii();
        assert_eq!((escaped[0].as_deref(), escaped[8].as_deref()), (Some("für"), Some("f\\u{fc}r")));
        assert_eq!(finish.with(&escaped).ascii(), escaped);
    }
}
