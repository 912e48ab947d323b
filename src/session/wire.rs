//! A session for measuring: one task speaks to the server itself, so that nothing but the wire is between a statement
//! and the clock. Everything before the first statement (TLS, authentication) is done as for any other session.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::{DataRowBody, ErrorFields, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_postgres::fallible_iterator::FallibleIterator;

use super::failure::exit_of;
use super::{MARK, Registered, Running};
use crate::connect::{self, Bare, Target};
use crate::error::{Error, Exit, Result};

/// How long an answer is waited for without the runtime.
const AT_ONCE: Duration = Duration::from_millis(2);

/// A row of a text answer; `None` is NULL.
pub type TextRow = Vec<Option<String>>;

/// What a statement gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// From the first byte sent to the last one received.
    pub took: Duration,
    /// The names of the columns, where rows were kept.
    pub columns: Vec<String>,
    /// The rows, where they were kept.
    pub rows: Vec<TextRow>,
    /// What the server refused it with.
    pub refused: Option<Error>,
}

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

/// A connection that is ours alone, byte for byte.
pub struct Wire {
    bare: Bare,
    send: BytesMut,
    receive: BytesMut,
    scratch: Box<[u8]>,
    host: String,
    backend_pid: i32,
    /// Did the server say that the session may write now, though it was told not to?
    loosened: bool,
    _registered: Registered,
}

impl Wire {
    /// Connects. A signal cancels what it runs. `ask` prompts for a password.
    pub async fn connect(
        target: &Target,
        running: &Running,
        ask: &mut dyn FnMut(&str) -> Result<String>,
    ) -> Result<(Wire, Target)> {
        let connected = connect::connect(target, ask).await?;
        let registered = running.register(connected.canceler.clone());
        let bare = connected.handle.take().ok_or_else(|| Error::bug("a connection was taken twice"))?;
        let own = Wire {
            bare,
            send: BytesMut::with_capacity(8 << 10),
            receive: BytesMut::with_capacity(64 << 10),
            scratch: vec![0; 16 << 10].into_boxed_slice(),
            host: connected.host,
            backend_pid: connected.backend_pid,
            loosened: false,
            _registered: registered,
        };
        // The driver has nothing left to drive.
        connected.driver.abort();
        Ok((own, connected.target))
    }

    /// The backend's process, as the server named it at the start; 0 where it did not.
    pub fn backend_pid(&self) -> i32 {
        self.backend_pid
    }

    /// Has the session been allowed to write since, though it was told not to? Servers from 14 on say so.
    pub fn was_loosened(&self) -> bool {
        self.loosened
    }

    /// Runs one or more statements of pgkit's own. Errors: the server refuses one.
    pub async fn run(&mut self, sql: &str) -> Result<()> {
        let answer = self.simple(&format!("{MARK}{sql}"), false).await?;
        answer.refused.map_or(Ok(()), Err)
    }

    /// Sends a text in one message; with `keep` its rows are kept.
    ///
    /// Errors: the connection is lost (69). What the server refuses is in the answer.
    pub async fn simple(&mut self, sql: &str, keep: bool) -> Result<Answer> {
        self.send.clear();
        frontend::query(sql, &mut self.send).map_err(|e| unsendable(&e))?;
        self.exchange(keep).await
    }

    /// Parses a statement under a name. Errors as for [`Wire::simple`].
    pub async fn prepare(&mut self, name: &str, sql: &str) -> Result<Answer> {
        self.send.clear();
        frontend::parse(name, sql, std::iter::empty(), &mut self.send).map_err(|e| unsendable(&e))?;
        frontend::sync(&mut self.send);
        self.exchange(false).await
    }

    /// Binds and executes: the statement of this name, or with `sql` one that is parsed on the way.
    pub async fn execute(
        &mut self,
        name: &str,
        sql: Option<&str>,
        values: &[Option<&str>],
        keep: bool,
    ) -> Result<Answer> {
        self.send.clear();
        if let Some(sql) = sql {
            frontend::parse(name, sql, std::iter::empty(), &mut self.send).map_err(|e| unsendable(&e))?;
        }
        let value = |value: &Option<&str>, out: &mut BytesMut| match value {
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        };
        frontend::bind("", name, std::iter::empty(), values, value, std::iter::empty(), &mut self.send)
            .map_err(|_| Error::data("a value cannot be sent: it holds a NUL byte or is too long"))?;
        // As libpq does, whether anybody wants to know or not.
        frontend::describe(b'P', "", &mut self.send).map_err(|e| unsendable(&e))?;
        frontend::execute("", 0, &mut self.send).map_err(|e| unsendable(&e))?;
        frontend::sync(&mut self.send);
        self.exchange(keep).await
    }

    /// Sends what is to be sent, and reads until the server is ready again.
    async fn exchange(&mut self, keep: bool) -> Result<Answer> {
        let mut answer = Answer::default();
        let lost = |host: &str, e: &std::io::Error| {
            Error::new(Exit::Unavailable, format!("lost the connection to the server at {host:?}"))
                .caused_by(e)
        };
        let begun = Instant::now();
        self.bare.write_all(&self.send).await.map_err(|e| lost(&self.host, &e))?;
        self.bare.flush().await.map_err(|e| lost(&self.host, &e))?;
        loop {
            while let Some(message) = Message::parse(&mut self.receive).map_err(|e| lost(&self.host, &e))? {
                match message {
                    Message::ReadyForQuery(_) => {
                        answer.took = begun.elapsed();
                        return Ok(answer);
                    }
                    Message::DataRow(row) if keep => answer.rows.push(text_row(&row)?),
                    Message::RowDescription(body) if keep => {
                        // Of several statements the last one counts.
                        answer.rows.clear();
                        answer.columns = body
                            .fields()
                            .map(|f| Ok(f.name().to_owned()))
                            .collect()
                            .map_err(|e| garbled(&e))?;
                    }
                    Message::ErrorResponse(body) => {
                        let error = refusal(&mut body.fields())?;
                        let ended = matches!(error.sqlstate.as_deref(), Some("57P01" | "57P02" | "57P05"));
                        if ended {
                            return Err(error);
                        }
                        answer.refused = Some(error);
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
                        frontend::sync(&mut self.send);
                        self.bare.write_all(&self.send).await.map_err(|e| lost(&self.host, &e))?;
                    }
                    _ => {}
                }
            }
            // A short answer is read at once; for a long one the runtime waits, so that a signal is heard.
            let soon = self.bare.read_soon(&mut self.scratch, AT_ONCE).map_err(|e| lost(&self.host, &e))?;
            let read = match soon {
                Some(read) => {
                    self.receive.extend_from_slice(&self.scratch[..read]);
                    read
                }
                None => self.bare.read_buf(&mut self.receive).await.map_err(|e| lost(&self.host, &e))?,
            };
            if read == 0 {
                return Err(lost(&self.host, &std::io::Error::from(std::io::ErrorKind::UnexpectedEof)));
            }
        }
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        self.send.clear();
        frontend::terminate(&mut self.send);
        let _ = self.bare.write_all(&self.send).await;
        let _ = self.bare.shutdown().await;
    }
}

fn unsendable(e: &std::io::Error) -> Error {
    Error::data("a statement cannot be sent: it holds a NUL byte or is too long").caused_by(e)
}

fn garbled(e: &std::io::Error) -> Error {
    Error::new(Exit::Unavailable, "the server's answer cannot be understood").caused_by(e)
}

fn text_row(row: &DataRowBody) -> Result<TextRow> {
    let text = |range: Option<std::ops::Range<usize>>| {
        range.map(|range| String::from_utf8_lossy(&row.buffer()[range]).into_owned())
    };
    row.ranges().map(|range| Ok(text(range))).collect().map_err(|e| garbled(&e))
}

/// The server's own words.
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
    let mut error = Error::new(exit_of(&state), format!("the server says: {message}")).with_sqlstate(state);
    if let Some(detail) = detail {
        error = error.caused_by(detail);
    }
    if let Some(hint) = hint {
        error = error.hint(hint);
    }
    Ok(error)
}
