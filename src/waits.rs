//! Adds up what sessions wait for, over many samples.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// A session in one sample.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    pub pid: i32,
    /// NULL while it runs on a CPU.
    pub event_type: Option<String>,
    pub event: Option<String>,
    /// On one line.
    pub statement: Option<String>,
    /// Whether the role may not see what it does.
    pub is_hidden: Option<bool>,
}

/// What one event adds up to.
#[derive(Debug, Default)]
struct Event {
    samples: u64,
    pids: BTreeSet<i32>,
    statements: BTreeMap<String, u64>,
}

/// An event with its share.
#[derive(Debug, PartialEq)]
pub struct Share {
    /// `CPU` for sessions that waited for nothing.
    pub event_type: String,
    pub event: Option<String>,
    /// How often a session was seen in it.
    pub samples: u64,
    pub share_pct: f64,
    /// How many sessions were seen in it.
    pub sessions: u64,
    /// The statement that was seen in it most often.
    pub statement: Option<String>,
}

/// All samples so far.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many samples were taken.
    pub samples: u64,
    events: BTreeMap<(String, Option<String>), Event>,
    pids: BTreeSet<i32>,
    hidden: BTreeSet<i32>,
}

impl Tally {
    /// Adds one sample.
    pub fn add(&mut self, sample: Vec<Seen>) {
        self.samples += 1;
        for seen in sample {
            if seen.is_hidden == Some(true) {
                self.hidden.insert(seen.pid);
                continue;
            }
            self.pids.insert(seen.pid);
            let key = (seen.event_type.unwrap_or_else(|| "CPU".to_owned()), seen.event);
            let event = self.events.entry(key).or_default();
            event.samples += 1;
            event.pids.insert(seen.pid);
            if let Some(statement) = seen.statement {
                *event.statements.entry(statement).or_default() += 1;
            }
        }
    }

    /// Returns how many sessions were seen at work.
    pub fn sessions(&self) -> usize {
        self.pids.len()
    }

    /// Returns how many sessions were seen of which the role may not see what they do.
    pub fn hidden(&self) -> usize {
        self.hidden.len()
    }

    /// Returns the events, the most frequent first.
    pub fn shares(&self) -> Vec<Share> {
        let all: u64 = self.events.values().map(|event| event.samples).sum();
        let mut shares: Vec<Share> = self
            .events
            .iter()
            .map(|((event_type, name), event)| Share {
                event_type: event_type.clone(),
                event: name.clone(),
                samples: event.samples,
                share_pct: (event.samples as f64 * 1000.0 / all as f64).round() / 10.0,
                sessions: event.pids.len() as u64,
                statement: event
                    .statements
                    .iter()
                    .max_by(|a, b| a.1.cmp(b.1).then_with(|| b.0.cmp(a.0)))
                    .map(|(statement, _)| statement.clone()),
            })
            .collect();
        // Sorting is stable, so events of equal weight stay in the order of their names.
        shares.sort_by_key(|share| std::cmp::Reverse(share.samples));
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pid: i32, event: Option<(&str, &str)>, statement: &str) -> Seen {
        Seen {
            pid,
            event_type: event.map(|(kind, _)| kind.to_owned()),
            event: event.map(|(_, name)| name.to_owned()),
            statement: Some(statement.to_owned()),
            is_hidden: Some(false),
        }
    }

    #[test]
    fn events_are_weighed_by_how_often_sessions_are_seen_in_them() {
        let mut tally = Tally::default();
        assert_eq!(tally.shares(), []);
        let lock = Some(("Lock", "tuple"));
        tally.add(vec![seen(1, lock, "a"), seen(2, None, "b")]);
        tally.add(vec![seen(1, lock, "a"), seen(3, lock, "c")]);
        tally.add(vec![Seen { is_hidden: Some(true), ..seen(4, None, "") }]);
        let shares = tally.shares();
        assert_eq!((tally.samples, tally.sessions(), tally.hidden()), (3, 3, 1));
        assert_eq!(
            shares,
            [
                Share {
                    event_type: "Lock".into(),
                    event: Some("tuple".into()),
                    samples: 3,
                    share_pct: 75.0,
                    sessions: 2,
                    statement: Some("a".into())
                },
                Share {
                    event_type: "CPU".into(),
                    event: None,
                    samples: 1,
                    share_pct: 25.0,
                    sessions: 1,
                    statement: Some("b".into())
                }
            ]
        );
    }
}
