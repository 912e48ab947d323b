//! The janitor: the helper process that creates the demonstration's schema, and drops it when the demonstration is
//! over, however it ends.
//!
//! While it lives, it holds an advisory lock with the schema's number. If the janitor itself is killed with kill
//! -9, the next demonstration drops the schemas whose lock is not held.

use std::hash::{BuildHasher, Hasher};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::connect::Target;
use crate::error::{Error, Exit, Result};
use crate::helper::{self, Helper, Master};
use crate::session::{InFlight, Limits, Purpose, Value, Writer};
use crate::sql::quote_ident;

/// `$1`: the class of the locks.
const LEFTOVERS: &str = include_str!("../../queries/locks/leftovers.sql");

/// The beginning of all the schemas' names.
const PREFIX: &str = "pgkit_locks_demo_";
/// The first key of the advisory locks: "pgkl".
const CLASS: i32 = 0x7067_6b6c;
/// How often the janitor checks whether its session is still there.
const PULSE: Duration = Duration::from_secs(1);
/// How long to wait between two attempts to drop.
const PAUSE: Duration = Duration::from_millis(200);
/// A schema that is being dropped is not in use for long; after these limits the drop is tried again.
const LIMITS: Limits =
    Limits { statement: Some(Duration::from_secs(20)), lock: Some(Duration::from_secs(5)) };

/// The orders that a janitor is started with.
#[derive(Debug, Serialize, Deserialize)]
struct Orders {
    target: Target,
    /// The folder that relative paths of certificates start from.
    folder: Option<PathBuf>,
    /// How long to try to reach a server that is away.
    patience: Duration,
}

/// What the janitor may be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// Drop the schema now.
    Drop,
}

/// What the janitor has done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Done {
    /// The schema's name.
    pub schema: String,
    /// The statements that ran, for `-E`.
    pub statements: Vec<String>,
}

/// A schema that exists as long as this value, from the demonstration's point of view.
#[derive(Debug)]
pub struct Janitor {
    helper: Helper,
    /// The schema, and the statements that created it.
    pub made: Done,
}

impl Janitor {
    /// Starts a janitor. At the end, it tries this long to reach the server.
    ///
    /// Blocks until the server has answered, so it must not be called on the runtime's thread.
    pub fn start(target: &Target, patience: Duration) -> Result<Janitor> {
        let orders = Orders { target: target.clone(), folder: std::env::current_dir().ok(), patience };
        let (helper, made) = helper::spawn(helper::Kind::Janitor, &orders, None)?;
        Ok(Janitor { helper, made })
    }

    /// Has the schema dropped, and returns how. Like [`Janitor::start`], it blocks.
    pub fn finish(mut self) -> Result<Done> {
        let done = self.helper.ask(&Order::Drop)?;
        self.helper.finish(Duration::from_secs(5));
        Ok(done)
    }
}

/// Returns the name of a schema, and the key of its lock.
fn name(number: u32) -> (String, i32) {
    (format!("{PREFIX}{number:08x}"), number.cast_signed())
}

/// Returns the statement that drops a schema.
pub fn drop_schema(schema: &str) -> String {
    format!("DROP SCHEMA IF EXISTS {} CASCADE", quote_ident(schema))
}

/// Runs the janitor.
pub(crate) async fn run(master: &mut Master) -> Exit {
    let orders: Orders = match master.order().await {
        Ok(Some(orders)) => orders,
        Ok(None) => return Exit::Done,
        Err(error) => return refuse(master, error),
    };
    if let Some(folder) = &orders.folder {
        let _ = std::env::set_current_dir(folder);
    }
    match keep(master, &orders).await {
        Ok(()) => Exit::Done,
        Err(error) => refuse(master, error),
    }
}

fn refuse(master: &Master, error: Error) -> Exit {
    let exit = error.exit;
    master.answer::<()>(Err(error));
    exit
}

async fn connect(target: &Target) -> Result<Writer> {
    // A password that was typed is passed on by the demonstration, so it is never asked for again.
    let mut never = |_: &str| Err(Error::new(Exit::Unavailable, "the server asks for a password"));
    Writer::for_(Purpose::Demo, target, LIMITS, None, &InFlight::default(), &mut never).await
}

async fn keep(master: &mut Master, orders: &Orders) -> Result<()> {
    let failed = |e: std::io::Error| Error::io("cannot watch for signals", &e);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    let mut writer = connect(&orders.target).await?;
    let (schema, number) = name(random());
    let statements = match make(&writer, &schema, number).await {
        Ok(statements) => statements,
        Err(error) => {
            // The error may have occurred after the schema was created.
            let _ = writer.run(&drop_schema(&schema)).await;
            return Err(error);
        }
    };
    master.answer(Ok(Done { schema: schema.clone(), statements }));
    let mut pulse = tokio::time::interval(PULSE);
    let asked = loop {
        tokio::select! {
            order = master.order::<Order>() => match order {
                Ok(Some(Order::Drop)) => break true,
                Ok(None) | Err(_) => break false,
            },
            _ = pulse.tick() => if writer.run("SELECT").await.is_err()
                && let Ok(another) = connect(&orders.target).await
                && lock(&another, number).await.is_ok()
            {
                writer = another;
            },
            _ = interrupt.recv() => break false,
            _ = terminate.recv() => break false,
            _ = hangup.recv() => break false,
        }
    };
    let statement = drop_schema(&schema);
    let start = Instant::now();
    let dropped = loop {
        let Err(error) = writer.run(&statement).await else { break Ok(()) };
        if start.elapsed() >= orders.patience {
            break Err(error);
        }
        tokio::time::sleep(PAUSE).await;
        // The session may have been lost, or the server may be away for a while.
        if let Ok(another) = connect(&orders.target).await {
            writer = another;
        }
    };
    writer.close().await;
    dropped?;
    if asked {
        master.answer(Ok(Done { schema, statements: vec![statement] }));
    }
    Ok(())
}

async fn lock(writer: &Writer, number: i32) -> Result<()> {
    writer.run(&format!("SELECT pg_catalog.pg_advisory_lock({CLASS}, {number})")).await
}

/// Takes the lock, then creates the schema; before that, drops schemas that others have left behind.
async fn make(writer: &Writer, schema: &str, number: i32) -> Result<Vec<String>> {
    if writer.is_standby() {
        return Err(Error::new(Exit::Unavailable, "cannot demonstrate locks on a standby")
            .hint("connect to its primary, or use a throwaway server: pgkit locks demo --sandbox"));
    }
    for left in writer.bytes(LEFTOVERS, &[Value::Int8(CLASS.into())]).await?.into_iter().flatten() {
        // A schema that is in use is left to the next demonstration.
        let _ = writer.run(&drop_schema(&String::from_utf8_lossy(&left))).await;
    }
    lock(writer, number).await?;
    let table = format!("{}.crontabber", quote_ident(schema));
    let statements = vec![
        format!("CREATE SCHEMA {}", quote_ident(schema)),
        format!("CREATE TABLE {table} (app_name text PRIMARY KEY, ongoing timestamptz)"),
        format!("INSERT INTO {table} (app_name) VALUES ('my-app')"),
    ];
    for statement in &statements {
        writer.run(statement).await.map_err(|e| match e.exit {
            Exit::Permission => e
                .hint(format!(
                    "GRANT CREATE ON DATABASE {} TO {}",
                    quote_ident(writer.database()),
                    quote_ident(writer.user())
                ))
                .hint("or use a throwaway server: pgkit locks demo --sandbox"),
            _ => e,
        })?;
    }
    Ok(statements)
}

/// Returns a number that no other demonstration has. The standard library's hasher is seeded at random.
fn random() -> u32 {
    let number = std::hash::RandomState::new().build_hasher().finish();
    u32::try_from(number & u64::from(u32::MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schemas_name_tells_the_number_of_its_lock() {
        assert_eq!(name(0x0000_00ff), ("pgkit_locks_demo_000000ff".to_owned(), 255));
        assert_eq!(name(u32::MAX), ("pgkit_locks_demo_ffffffff".to_owned(), -1));
        assert_eq!(
            drop_schema("pgkit_locks_demo_000000ff"),
            "DROP SCHEMA IF EXISTS \"pgkit_locks_demo_000000ff\" CASCADE"
        );
    }
}
