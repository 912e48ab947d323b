//! Looks at the rows of `pgkit locks` as they pass: has a process waited too long, and which sessions could not be
//! seen?

use std::collections::BTreeSet;
use std::time::Duration;

use crate::answer::{Observer, Verdict};
use crate::error::{Error, Exit, Result};
use crate::render::human;
use crate::rows::cell::Cell;
use crate::rows::{self, Column};
use crate::rows::{Flow, RowSink};

/// The text that the server shows instead of a statement that the role may not see.
const HIDDEN: &str = "<insufficient privilege>";
/// The mode of a standby's replay that is waiting for a snapshot.
const REPLAY: &str = "RecoveryConflictSnapshot";
/// The role to grant so that they can be seen.
const GRANT: &str = "pg_read_all_stats";

/// The observer of `pgkit locks`.
#[derive(Debug, Default)]
pub struct Waited {
    /// The longest that a process may have waited; `None` means any time.
    limit: Option<Duration>,
    /// Whether a user is reading along, who would wonder about an empty answer.
    talks: bool,
    columns: Vec<Column>,
    seen: Seen,
}

/// The findings in one answer.
#[derive(Debug, Default)]
struct Seen {
    rows: u64,
    hidden: BTreeSet<String>,
    /// The pids of waiting processes whose waiting time may not be seen.
    unknown: BTreeSet<String>,
    /// Whether a standby's replay is among them.
    replay: bool,
    late: BTreeSet<String>,
    longest: Option<(f64, String)>,
}

impl Waited {
    /// Creates the observer for answers in which no process may have waited longer than `limit`; 0 means not at
    /// all.
    pub fn new(limit: Option<Duration>, talks: bool) -> Waited {
        Waited { limit, talks, ..Waited::default() }
    }

    fn see(&mut self, raw: &[Option<&[u8]>]) -> Result<()> {
        let columns = &self.columns;
        let cell = |name: &str| rows::cell_of("locks", columns, raw, name);
        let pid = rows::plain::plain(&cell("pid")?).into_owned();
        self.seen.rows += 1;
        if matches!(cell("statement")?, Cell::Text(text) if text == HIDDEN) {
            self.seen.hidden.insert(pid.clone());
        }
        if cell("mode")? == Cell::Null {
            return Ok(());
        }
        let waited = match cell("waiting_s")? {
            Cell::Float(waited) => waited,
            _ => {
                if self.limit == Some(Duration::ZERO) {
                    self.seen.late.insert(pid.clone());
                }
                self.seen.unknown.insert(pid);
                self.seen.replay |= matches!(cell("mode")?, Cell::Text(mode) if mode == REPLAY);
                return Ok(());
            }
        };
        if self.limit.is_some_and(|limit| limit.is_zero() || waited > limit.as_secs_f64()) {
            self.seen.late.insert(pid.clone());
        }
        if self.seen.longest.as_ref().is_none_or(|(longest, _)| waited > *longest) {
            self.seen.longest = Some((waited, pid));
        }
        Ok(())
    }
}

impl RowSink for Waited {
    fn head(&mut self, columns: &[Column]) -> Result<()> {
        self.columns = columns.to_vec();
        Ok(())
    }

    fn row(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow> {
        self.see(raw).map(|()| Flow::More)
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Observer for Waited {
    fn judge(&mut self) -> Result<Verdict> {
        let seen = std::mem::take(&mut self.seen);
        let sessions = |n: usize| if n == 1 { "1 session".to_owned() } else { format!("{n} sessions") };
        let mut remarks = Vec::new();
        if seen.rows == 0 && self.talks {
            remarks.push("no session waits for a lock".to_owned());
        }
        if !seen.hidden.is_empty() {
            remarks.push(format!("{} hidden: needs {GRANT}", sessions(seen.hidden.len())));
        }
        let exit = match self.limit {
            Some(limit) if !seen.late.is_empty() => {
                let have = if seen.late.len() == 1 { "has" } else { "have" };
                let late = format!("{} {have}", sessions(seen.late.len()));
                remarks.push(match &seen.longest {
                    Some((longest, pid)) => format!(
                        "{late} waited longer than {}; pid {pid} has waited longest: {}",
                        human::seconds(limit.as_secs_f64()),
                        human::seconds(*longest)
                    ),
                    None => format!("{late} waited for an unknown time"),
                });
                Exit::BadAnswer
            }
            Some(_) if !seen.unknown.is_empty() => {
                let have = if seen.unknown.len() == 1 { "has" } else { "have" };
                let error = Error::new(
                    Exit::Permission,
                    format!("locks: cannot see how long {} {have} waited", sessions(seen.unknown.len())),
                );
                return Err(if seen.replay {
                    error.hint("no server reports since when replay waits for a snapshot; use --fail-after 0 to see that it waits")
                } else {
                    error.hint(format!("--fail-after needs {GRANT}: GRANT {GRANT} TO the role that asks"))
                });
            }
            _ => Exit::Done,
        };
        Ok(Verdict { exit, remarks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{Row, columns};

    /// pid, mode, waiting_s, statement.
    type Waiter<'a> = (&'a str, Option<&'a str>, Option<f64>, &'a str);

    fn judged(limit: Option<u64>, rows: &[Waiter<'_>]) -> Result<Verdict> {
        let columns = columns(&["pid", "mode", "waiting_s float8", "statement"]);
        let mut waited = Waited::new(limit.map(Duration::from_secs), true);
        waited.head(&columns).unwrap();
        for (pid, mode, waiting, statement) in rows {
            let row = Row::new().text(Some(pid)).text(*mode).float8(*waiting).text(Some(statement));
            assert_eq!(waited.row(&row.raw()).unwrap(), Flow::More);
        }
        let verdict = waited.judge();
        // The next answer starts with a clean state.
        assert_eq!(waited.judge().unwrap().exit, Exit::Done);
        verdict
    }

    const LONG: Waiter<'_> = ("7", Some("ShareLock"), Some(31.0), "x");
    const SHORT: Waiter<'_> = ("8", Some("ShareLock"), Some(0.0), "x");
    const ROOT: Waiter<'_> = ("9", None, None, HIDDEN);
    const UNSEEN: Waiter<'_> = ("6", Some("ShareLock"), None, HIDDEN);

    #[test]
    fn only_who_has_waited_longer_is_too_much() {
        assert_eq!(judged(None, &[LONG, LONG]).unwrap(), Verdict { exit: Exit::Done, remarks: vec![] });
        assert_eq!(judged(Some(31), &[LONG]).unwrap().exit, Exit::Done);
        let verdict = judged(Some(30), &[SHORT, LONG, LONG]).unwrap();
        assert_eq!(verdict.exit, Exit::BadAnswer);
        assert_eq!(
            verdict.remarks,
            ["1 session has waited longer than 30.0 s; pid 7 has waited longest: 31.0 s"]
        );
        assert_eq!(judged(Some(0), &[SHORT]).unwrap().exit, Exit::BadAnswer);
        assert_eq!(judged(Some(0), &[ROOT]).unwrap().exit, Exit::Done);
        assert_eq!(judged(Some(0), &[]).unwrap().remarks, ["no session waits for a lock"]);
    }

    #[test]
    fn what_cannot_be_seen_is_said_and_never_passes_for_good() {
        let verdict = judged(None, &[ROOT, UNSEEN, UNSEEN, SHORT]).unwrap();
        assert_eq!(verdict.exit, Exit::Done);
        assert_eq!(verdict.remarks, ["2 sessions hidden: needs pg_read_all_stats"]);
        let error = judged(Some(30), &[UNSEEN, SHORT]).unwrap_err();
        assert_eq!(error.exit, Exit::Permission);
        assert!(error.message.contains("cannot see how long 1 session has waited"), "{error}");
        // One who is seen to be late is late.
        assert_eq!(judged(Some(30), &[UNSEEN, LONG]).unwrap().exit, Exit::BadAnswer);
    }
}
