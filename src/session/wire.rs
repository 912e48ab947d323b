//! A session for measurements, and for a guard's jobs. It speaks the protocol itself, in a single task, so that
//! measured times contain nothing but the exchange with the server, and an exchange that is dropped leaves no task
//! behind. TLS and authentication work as in any other session.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::{DataRowBody, ErrorFields, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_postgres::fallible_iterator::FallibleIterator;

use super::failure::exit_of;
use super::link::KEPT;
use super::open;
use super::running::{InFlight, Registered};
use super::settings::WATCH_CLIENT;
use crate::connect::MARK;
use crate::connect::{self, Bare, Canceler, ClosingError, Opening, ServerVersion, Target};
use crate::error::{Error, Exit, Result};

/// How long to wait for an answer by reading the socket directly, before waiting through the async runtime.
const AT_ONCE: Duration = Duration::from_millis(2);

/// A row of a text answer; `None` is NULL.
pub type TextRow = Vec<Option<String>>;

/// The result of a statement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Response {
    /// The time from the first byte sent to the last one received.
    pub took: Duration,
    /// The names of the columns, if rows were kept.
    pub columns: Vec<String>,
    /// The rows, if they were kept.
    pub rows: Vec<TextRow>,
    /// The server's error, if it refused the statement.
    pub refused: Option<Error>,
    /// The CONTEXT of that error, which says in which function it was raised.
    pub context: Option<String>,
    /// The status of the session after this: `I` outside any transaction, `T` inside one, `E` inside one that has
    /// failed.
    pub status: u8,
}

/// A part of what is sent without waiting for answers in between (see [`Wire::in_one_go`]).
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// Statements in a pipeline: after the first one that is refused, the rest are skipped. Outside a transaction
    /// they form one.
    Statements(&'a [Piped<'a>]),
    /// SQL text in one simple-query message.
    Text(&'a str),
}

/// A statement in a pipeline (see [`Part`]). Its values are texts; `None` is NULL.
#[derive(Debug, Clone, Copy)]
pub struct Piped<'a> {
    /// The name under which it was prepared; empty if it is parsed in the pipeline.
    pub name: &'a str,
    /// Its text; ignored if it was prepared.
    pub sql: &'a str,
    /// The OIDs of its parameters' types, if the server cannot infer them.
    pub types: &'a [u32],
    /// One for each parameter.
    pub values: &'a [Option<&'a str>],
    /// Are its rows kept in the answer?
    pub keep: bool,
}

/// How many answers are passed on before the rest of them has arrived, and the function that they are passed to.
type Early<'a> = (usize, &'a mut dyn FnMut(&[Response]));

/// Receives the server's notices, such as those of RAISE NOTICE.
pub type Hearer = Box<dyn FnMut(&str)>;

/// How a statement is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// One message with the text; values are put into it
    Simple,
    /// Parse, bind and execute in one go; values are parameters
    Extended,
    /// Parsed once, bound and executed each time
    Prepared,
}

/// A connection on which only this code reads and writes.
pub struct Wire {
    bare: Bare,
    send: BytesMut,
    receive: BytesMut,
    scratch: Box<[u8]>,
    host: String,
    version: ServerVersion,
    watches_client: bool,
    canceler: Canceler,
    closing_error: ClosingError,
    hearer: Option<Hearer>,
    /// How long pgkit waits for an answer; `None` is forever.
    patience: Option<Duration>,
    /// The answers, each ending with ReadyForQuery, that the server still owes; true for one to a simple query. An
    /// exchange that was dropped halfway leaves some.
    owed: VecDeque<bool>,
    /// Was a message sent only in part? The rest can never follow, so the connection is unusable.
    is_torn: bool,
    /// Has the server reported that the session's transactions are no longer read-only by default?
    loosened: bool,
    _registered: Registered,
}

impl Wire {
    /// Connects and runs `question`, a query that returns one row; its values are returned with the session. The
    /// session keeps the settings of the server, the database and the role. A signal cancels its running statement.
    /// `ask` prompts for a password.
    ///
    /// Errors: no connection (69), or there is a connection pooler in between (64, with this hint).
    pub async fn connect(
        target: &Target,
        question: &str,
        pooler_hint: &str,
        running: &InFlight,
        ask: &mut dyn FnMut(&str) -> Result<String>,
    ) -> Result<(Wire, Vec<Option<String>>, Target)> {
        let opening = Opening {
            // The database's owner may have set time limits that are too short for the first message.
            settings: Box::new(|_| {
                vec!["statement_timeout = '60s'".to_owned(), "lock_timeout = '20s'".to_owned()]
            }),
            question: Box::new(|_| question.to_owned()),
            stays: false,
            patience: open::first_patience(None),
        };
        let open::Opened { connected, answer, registered } =
            open::open(target, &opening, &None, running, ask).await?.unpooled(pooler_hint)?;
        let bare = connected.handle.take().ok_or_else(|| Error::bug("a connection was taken twice"))?;
        let own = Wire {
            bare,
            send: BytesMut::with_capacity(8 << 10),
            receive: BytesMut::with_capacity(64 << 10),
            scratch: vec![0; 16 << 10].into_boxed_slice(),
            host: connected.host,
            version: connected.version,
            watches_client: connected.watches_client,
            canceler: connected.canceler.clone(),
            closing_error: connected.closing_error.clone(),
            hearer: None,
            patience: None,
            owed: VecDeque::new(),
            is_torn: false,
            loosened: false,
            _registered: registered,
        };
        // The connection was taken from the driver, so its task has nothing left to do.
        connected.driver.abort();
        Ok((own, answer, connected.target))
    }

    /// The setting that makes the server notice that its client was killed; `None` if the server does not support it.
    pub fn watch_client(&self) -> Option<&'static str> {
        self.watches_client.then_some(WATCH_CLIENT)
    }

    /// The server's version.
    pub fn version(&self) -> ServerVersion {
        self.version
    }

    /// Cancels the running statement, over a separate connection.
    pub fn canceler(&self) -> Canceler {
        self.canceler.clone()
    }

    /// Tells this session the server's statement timeout: from now on pgkit waits only a little longer than that for
    /// an answer.
    pub fn set_limit(&mut self, limit: Option<Duration>) {
        self.patience = open::patience(limit);
    }

    /// Sets the receiver of the server's notices.
    pub fn hear(&mut self, hearer: Option<Hearer>) {
        self.hearer = hearer;
    }

    /// Has the session been switched back to read-write, although it was made read-only? Servers report this from
    /// version 14 on.
    pub fn was_loosened(&self) -> bool {
        self.loosened
    }

    /// Runs one or more of pgkit's own statements. Errors: the server refuses one.
    pub async fn run(&mut self, sql: &str) -> Result<()> {
        let answer = self.simple(&format!("{MARK}{sql}"), false).await?;
        answer.refused.map_or(Ok(()), Err)
    }

    /// Sends SQL text in one simple-query message. The rows are kept if `keep` is set.
    ///
    /// Errors: the connection is lost (69). A refusal by the server is part of the answer.
    pub async fn simple(&mut self, sql: &str, keep: bool) -> Result<Response> {
        self.begin().await?;
        frontend::query(sql, &mut self.send).map_err(|e| unsendable(&e))?;
        self.exchange(true, keep).await
    }

    /// Sends several parts without waiting in between; each runs whatever the outcome of the previous ones. Returns
    /// the answers to each part, up to and including the first one that was refused.
    ///
    /// Errors: the connection is lost (69).
    pub async fn in_one_go(&mut self, parts: &[Part<'_>]) -> Result<Vec<Vec<Response>>> {
        self.begin().await?;
        for part in parts {
            match part {
                Part::Statements(statements) => self.pipe(statements, None)?,
                Part::Text(sql) => frontend::query(sql, &mut self.send).map_err(|e| unsendable(&e))?,
            }
        }
        self.flush(parts.iter().map(|part| matches!(part, Part::Text(_)))).await?;
        let mut all = Vec::new();
        for part in parts {
            let mut answers = Vec::new();
            let keep =
                |i: usize| matches!(part, Part::Statements(all) if all.get(i).is_some_and(|one| one.keep));
            self.receive_all(&keep, &mut answers, None).await?;
            all.push(answers);
        }
        Ok(all)
    }

    /// Works like [`Wire::in_one_go`], for statements only. As soon as the first `count` statements have run, or one of them
    /// was refused, their answers are passed to `early`.
    pub async fn with_early(
        &mut self,
        statements: &[Piped<'_>],
        count: usize,
        early: &mut dyn FnMut(&[Response]),
    ) -> Result<Vec<Response>> {
        self.begin().await?;
        self.pipe(statements, Some(count))?;
        self.flush([false]).await?;
        let mut answers = Vec::new();
        let keep = |i: usize| statements.get(i).is_some_and(|one| one.keep);
        self.receive_all(&keep, &mut answers, Some((count, early))).await?;
        Ok(answers)
    }

    /// Puts statements into the send buffer. After the first `flushed` of them, asks the server to send its answers.
    fn pipe(&mut self, statements: &[Piped<'_>], flushed: Option<usize>) -> Result<()> {
        for (i, one) in statements.iter().enumerate() {
            if flushed == Some(i) {
                frontend::flush(&mut self.send);
            }
            if one.name.is_empty() {
                frontend::parse("", one.sql, one.types.iter().copied(), &mut self.send)
                    .map_err(|e| unsendable(&e))?;
            }
            bind(one.name, one.values, &mut self.send)?;
            frontend::execute("", 0, &mut self.send).map_err(|e| unsendable(&e))?;
        }
        frontend::sync(&mut self.send);
        Ok(())
    }

    /// Prepares statements under their names, up to the first one that is refused. Errors: as for [`Wire::simple`].
    pub async fn prepare<'a>(
        &mut self,
        all: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Response> {
        self.begin().await?;
        for (name, sql) in all {
            frontend::parse(name, sql, std::iter::empty(), &mut self.send).map_err(|e| unsendable(&e))?;
        }
        frontend::sync(&mut self.send);
        self.exchange(false, false).await
    }

    /// Binds and executes the prepared statement of this name, or, with `sql`, a statement that is parsed first.
    pub async fn execute(
        &mut self,
        name: &str,
        sql: Option<&str>,
        values: &[Option<&str>],
        keep: bool,
    ) -> Result<Response> {
        self.begin().await?;
        if let Some(sql) = sql {
            frontend::parse(name, sql, std::iter::empty(), &mut self.send).map_err(|e| unsendable(&e))?;
        }
        bind(name, values, &mut self.send)?;
        // libpq always asks for a description, so this does too.
        frontend::describe(b'P', "", &mut self.send).map_err(|e| unsendable(&e))?;
        frontend::execute("", 0, &mut self.send).map_err(|e| unsendable(&e))?;
        frontend::sync(&mut self.send);
        self.exchange(false, keep).await
    }

    /// Sends the buffered messages, and reads until the server is ready again.
    async fn exchange(&mut self, is_simple: bool, keep: bool) -> Result<Response> {
        let begun = Instant::now();
        let mut answers = Vec::new();
        let patience = self.patience;
        let work = async {
            self.flush([is_simple]).await?;
            self.receive_all(&|_| keep, &mut answers, None).await
        };
        match patience {
            None => work.await?,
            // The rest of the answer may still arrive, so the connection cannot be used any more.
            Some(patience) => tokio::time::timeout(patience, work).await.unwrap_or_else(|_| {
                Err(self.lost(&std::io::Error::other(format!("no answer for {patience:?}"))))
            })?,
        }
        let took = begun.elapsed();
        // The answer is that of the statement that was refused, or else of the last one that returned columns.
        let status = answers.last().map_or(b'I', |answer| answer.status);
        let refused = answers.iter().position(|answer| answer.refused.is_some());
        let counts = refused.or_else(|| answers.iter().rposition(|answer| !answer.columns.is_empty()));
        let answer = counts.map(|i| answers.swap_remove(i)).unwrap_or_default();
        Ok(Response { took, status, ..answer })
    }

    /// Starts a new exchange, after reading and discarding what the server still sends for one that was dropped
    /// halfway.
    async fn begin(&mut self) -> Result<()> {
        while !self.owed.is_empty() {
            self.receive_all(&|_| false, &mut Vec::new(), None).await?;
        }
        self.send.clear();
        Ok(())
    }

    /// Sends the buffered messages. `owed` has one item for each answer that the server will give (see
    /// [`Wire::owed`]).
    async fn flush(&mut self, owed: impl IntoIterator<Item = bool>) -> Result<()> {
        self.write().await?;
        self.owed.extend(owed);
        Ok(())
    }

    async fn write(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.is_torn, true) {
            let e = std::io::Error::other("only part of a message was sent");
            return Err(self.lost(&e));
        }
        self.bare.write_all(&self.send).await.map_err(|e| self.lost(&e))?;
        self.bare.flush().await.map_err(|e| self.lost(&e))?;
        self.is_torn = false;
        Ok(())
    }

    /// Reads until the server is ready again, and collects one answer per statement. `keep` says for which of them,
    /// counted from 0, the rows are kept. The first answers are passed to the function in `early` as soon as all of them
    /// have arrived, or one of them is a refusal.
    async fn receive_all(
        &mut self,
        keep: &dyn Fn(usize) -> bool,
        answers: &mut Vec<Response>,
        mut early: Option<Early<'_>>,
    ) -> Result<()> {
        let mut answer = Response::default();
        let mut kept = 0;
        let mut within = Some(AT_ONCE);
        loop {
            while let Some(message) = self.next_message()? {
                match message {
                    Message::ReadyForQuery(body) => {
                        self.owed.pop_front();
                        if answers.is_empty() {
                            answers.push(std::mem::take(&mut answer));
                        }
                        if let Some(last) = answers.last_mut() {
                            last.status = body.status();
                        }
                        if let Some((count, tell)) = early {
                            tell(answers.get(..count).unwrap_or(answers));
                        }
                        return Ok(());
                    }
                    Message::DataRow(row) if keep(answers.len()) => {
                        kept += row.buffer().len() + 64;
                        if kept > KEPT {
                            let why = format!("more than {KEPT} bytes of rows that are to be kept");
                            return Err(self.lost(&std::io::Error::other(why)));
                        }
                        answer.rows.push(text_row(&row)?);
                    }
                    Message::RowDescription(body) if keep(answers.len()) => {
                        answer.columns = body
                            .fields()
                            .map(|f| Ok(f.name().to_owned()))
                            .collect()
                            .map_err(|e| garbled(&e))?;
                    }
                    Message::CommandComplete(_) | Message::EmptyQueryResponse => {
                        answers.push(std::mem::take(&mut answer));
                    }
                    Message::ErrorResponse(body) => {
                        let error = refusal(&mut body.fields())?;
                        answer.context = field(&mut body.fields(), b'W')?;
                        let ended = matches!(error.sqlstate.as_deref(), Some("57P01" | "57P02" | "57P05"));
                        if ended {
                            return Err(error);
                        }
                        answer.refused = Some(error);
                        answers.push(std::mem::take(&mut answer));
                    }
                    Message::NoticeResponse(body) => {
                        if let Some(hearer) = &mut self.hearer {
                            hearer(&notice(&mut body.fields())?);
                        }
                    }
                    Message::ParameterStatus(body) => {
                        let name = body.name().unwrap_or_default();
                        if name == "default_transaction_read_only" {
                            self.loosened = body.value().unwrap_or_default() != "on";
                        }
                    }
                    Message::CopyInResponse(_) => {
                        self.send.clear();
                        frontend::copy_fail("nothing is copied in here", &mut self.send)
                            .map_err(|e| unsendable(&e))?;
                        // After a simple query the server becomes ready by itself. The extended protocol needs
                        // another Sync, because the server has ignored the first one while it was in copy mode.
                        if self.owed.front() == Some(&false) {
                            frontend::sync(&mut self.send);
                        }
                        self.write().await?;
                    }
                    _ => {}
                }
            }
            let is_refused = answers.last().is_some_and(|answer| answer.refused.is_some());
            if let Some((count, tell)) = early.take_if(|(count, _)| answers.len() >= *count || is_refused) {
                tell(answers.get(..count).unwrap_or(answers));
                within = Some(AT_ONCE);
            }
            // A short answer is read directly; a long one is awaited through the runtime, so that other tasks can
            // run.
            let soon = match within.take() {
                Some(within) => self.bare.read_soon(&mut self.scratch, within).map_err(|e| self.lost(&e))?,
                None => None,
            };
            let read = match soon {
                Some(read) => {
                    self.receive.extend_from_slice(&self.scratch[..read]);
                    read
                }
                None => self.bare.read_buf(&mut self.receive).await.map_err(|e| self.lost(&e))?,
            };
            if read == 0 {
                return Err(self.lost(&std::io::Error::from(std::io::ErrorKind::UnexpectedEof)));
            }
        }
    }

    /// The next message; `None` if it is not complete yet. Errors: it is too long or malformed (69).
    fn next_message(&mut self) -> Result<Option<Message>> {
        connect::admit(&self.receive).map_err(|e| self.lost(&e))?;
        Message::parse(&mut self.receive).map_err(|e| self.lost(&e))
    }

    fn lost(&self, e: &std::io::Error) -> Error {
        let host = &self.host;
        let mut error =
            Error::new(Exit::Unavailable, format!("lost the connection to the server at {host:?}"))
                .caused_by(e);
        error.causes.extend(self.closing_error.of_ssh());
        error
    }

    /// Closes the session.
    pub async fn close(mut self) {
        self.send.clear();
        frontend::terminate(&mut self.send);
        let _ = self.bare.write_all(&self.send).await;
        let _ = self.bare.shutdown().await;
    }
}

fn bind(name: &str, values: &[Option<&str>], out: &mut BytesMut) -> Result<()> {
    let value = |value: &Option<&str>, out: &mut BytesMut| match value {
        Some(text) => {
            out.extend_from_slice(text.as_bytes());
            Ok(IsNull::No)
        }
        None => Ok(IsNull::Yes),
    };
    frontend::bind("", name, std::iter::empty(), values, value, std::iter::empty(), out)
        .map_err(|_| Error::data("cannot send a value: it contains a NUL byte or is too long"))
}

fn unsendable(e: &std::io::Error) -> Error {
    Error::data("cannot send a statement: it contains a NUL byte or is too long").caused_by(e)
}

fn garbled(e: &std::io::Error) -> Error {
    Error::new(Exit::Unavailable, "cannot parse the server's answer").caused_by(e)
}

fn text_row(row: &DataRowBody) -> Result<TextRow> {
    let text = |range: Option<std::ops::Range<usize>>| {
        range.map(|range| String::from_utf8_lossy(&row.buffer()[range]).into_owned())
    };
    row.ranges().map(|range| Ok(text(range))).collect().map_err(|e| garbled(&e))
}

/// Turns an ErrorResponse into an error with the server's own message.
fn refusal(fields: &mut ErrorFields<'_>) -> Result<Error> {
    let (mut state, mut message, mut detail, mut hint) = (String::new(), String::new(), None, None);
    while let Some(field) = fields.next().map_err(|e| garbled(&e))? {
        let text = String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'C' => state = text,
            b'M' => message = text,
            b'D' => detail = Some(text),
            b'H' => hint = Some(text),
            _ => {}
        }
    }
    let mut error = Error::of_server(exit_of(&state), &message, &state);
    if let Some(detail) = detail {
        error = error.caused_by(detail);
    }
    if let Some(hint) = hint {
        error = error.hint(hint);
    }
    Ok(error)
}

/// One field of an ErrorResponse, by its type.
fn field(fields: &mut ErrorFields<'_>, kind: u8) -> Result<Option<String>> {
    while let Some(field) = fields.next().map_err(|e| garbled(&e))? {
        if field.type_() == kind {
            return Ok(Some(String::from_utf8_lossy(field.value_bytes()).into_owned()));
        }
    }
    Ok(None)
}

/// A notice as psql shows it: `NOTICE:  text`.
fn notice(fields: &mut ErrorFields<'_>) -> Result<String> {
    let (mut severity, mut message) = (String::new(), String::new());
    while let Some(field) = fields.next().map_err(|e| garbled(&e))? {
        match field.type_() {
            b'S' => severity = String::from_utf8_lossy(field.value_bytes()).into_owned(),
            b'M' => message = String::from_utf8_lossy(field.value_bytes()).into_owned(),
            _ => {}
        }
    }
    Ok(format!("{severity}:  {message}"))
}
