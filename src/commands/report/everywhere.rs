//! `--all-databases`: one answer from each database of the server.

use super::run::Job;
use super::way::Way;
use crate::answer::{Outcome, Remark};
use crate::commands::databases::{self, Choice, Database};
use crate::error::{Error, Exit, Result};
use crate::pattern;
use crate::session::{Reader, is_dropped};

impl Job<'_> {
    /// Gets one answer from each database, in the order of their names. Databases that are skipped or fail are
    /// reported, and the rest goes on; the exit code is then that of the first failure.
    pub(super) async fn everywhere(&self, reader: Reader, way: &mut Way<'_>) -> Result<Exit> {
        let choice = Choice { exclude: &self.args.exclude_database, only: &[] };
        let found = databases::all(&reader, &self.context.env, &choice).await?;
        if let Some(against) = &mut way.against {
            against.set_databases(databases::names(&reader).await?);
        }
        let (open, mut closed): (Vec<Database>, Vec<Database>) =
            found.into_iter().partition(|one| one.is_open);
        let target = reader.target().clone();
        reader.close().await;
        // A pattern of three parts names one database.
        let parsed =
            self.report_run.patterns().into_iter().map(pattern::parse).collect::<Result<Vec<_>>>()?;
        let meant = |name: &str| {
            parsed.is_empty() || parsed.iter().any(|p| p.database.as_deref().is_none_or(|d| d == name))
        };
        let mut exit = Exit::Done;
        let mut rows = 0;
        for database in open.into_iter().filter(|one| meant(&one.name)) {
            let name = &database.name;
            way.begin(Some(name), true);
            let answer = async {
                databases::check_name(name)?;
                let mut reader = match self.reader(&target.with_database(name)).await {
                    Ok(reader) => reader,
                    // Managed services have databases of their own that pg_hba.conf rejects; and a database may
                    // have been dropped.
                    Err(e) if databases::is_closed(&e) => {
                        self.tell(Remark::Verbose(&format!("database {name:?}: {}", e.message)));
                        return Ok(None);
                    }
                    Err(e) => return Err(e),
                };
                match self.report_run.answer(&mut reader, way, &|text| self.tell(text)).await {
                    Ok(Outcome::Enough) => {
                        reader.abandon().await;
                        Ok(Some(Outcome::Enough))
                    }
                    other => {
                        reader.close().await;
                        other.map(Some)
                    }
                }
            };
            match answer.await {
                Ok(Some(Outcome::Complete(n))) => {
                    way.complete(Some(name));
                    rows += n;
                }
                Ok(Some(Outcome::Enough)) => break,
                Ok(None) => closed.push(database),
                // No other database would accept this regular expression either.
                Err(e)
                    if matches!(e.exit, Exit::Io | Exit::Bug) || e.sqlstate.as_deref() == Some("2201B") =>
                {
                    return Err(e);
                }
                // The server has said that it ends the session. A server that does not answer is not asked again.
                Err(e)
                    if e.exit == Exit::Unavailable
                        && e.sqlstate.is_some()
                        && is_dropped(async || self.reader(&target.with_database(name)).await).await =>
                {
                    if !self.args.session.echo.quiet {
                        self.note(&format!("database {name:?} was dropped in the meantime"));
                    }
                    way.complete(Some(name));
                }
                Err(e) => {
                    self.print(&Error { message: format!("database {name:?}: {}", e.message), ..e.clone() });
                    if exit == Exit::Done {
                        exit = e.exit;
                    }
                }
            }
        }
        if !closed.is_empty() && !self.args.session.echo.quiet {
            closed.sort_by(|a, b| a.name.cmp(&b.name));
            let names: Vec<&str> = closed.iter().map(|one| one.name.as_str()).collect();
            self.note(&format!("cannot connect, skipped: {}", names.join(", ")));
        }
        if exit == Exit::Done {
            self.say_if_nothing(rows);
        }
        Ok(exit)
    }
}
