//! What a report reads from: a session with a server, or one with PgBouncer's console.

use crate::answer::{Outcome, Remarks, ReportRun};
use crate::connect::Target;
use crate::console;
use crate::error::{Error, Exit, Result};
use crate::rows::RowSink;
use crate::session::{Console, Reader};
use crate::snapshot::{self, Header};

/// An open session.
pub enum Source {
    Server(Box<Reader>),
    Pooler(Box<Console>),
}

impl Source {
    /// The target that was connected to, including a password that was typed.
    pub fn target(&self) -> &Target {
        match self {
            Source::Server(reader) => reader.target(),
            Source::Pooler(console) => console.target(),
        }
    }

    /// Makes the session ready for the next answer. Errors: it is lost.
    pub async fn reopen(&mut self) -> Result<()> {
        match self {
            Source::Server(reader) => reader.reopen(None).await,
            Source::Pooler(console) if console.is_open() => Ok(()),
            Source::Pooler(_) => Err(Error::new(Exit::Unavailable, "lost the connection to PgBouncer")),
        }
    }

    /// Returns which server it is a session with, and when; `None` for a pooler. Errors: the session is lost.
    pub async fn identify(&mut self) -> Result<Option<Header>> {
        match self {
            Source::Server(reader) => {
                let header = snapshot::identify(reader).await?;
                reader.reopen(None).await?;
                Ok(Some(header))
            }
            Source::Pooler(_) => Ok(None),
        }
    }

    /// Gets one answer; see [`ReportRun::answer`].
    pub async fn answer(
        &mut self,
        report_run: &ReportRun<'_>,
        sink: &mut dyn RowSink,
        tell: Remarks<'_>,
    ) -> Result<Outcome> {
        match self {
            Source::Server(reader) => report_run.answer(reader, sink, tell).await,
            Source::Pooler(console) => console::answer(report_run.report, console, sink).await,
        }
    }

    /// Closes it.
    pub async fn close(self) {
        match self {
            Source::Server(reader) => reader.close().await,
            Source::Pooler(console) => console.close().await,
        }
    }

    /// Closes it without the rest of an answer.
    pub async fn abandon(self) {
        match self {
            Source::Server(reader) => reader.abandon().await,
            Source::Pooler(console) => console.close().await,
        }
    }
}
