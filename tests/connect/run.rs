//! Connects as pgkit would, and as libpq would, from the same flags and variables.

use std::path::Path;

use pgkit::connect::{Connected, Disk, Environment, Flags, Opening, connect, resolve};
use pgkit::error::{Error, Result};

use super::oracle::{self, Answer};

/// How one of the two fared.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The port of the server that was reached, and whether the connection is encrypted.
    pub reached: Option<(String, bool)>,
    /// The ports its message names, in order, each once.
    pub tried: Vec<String>,
}

/// A runtime like the program's own.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn flags(dbname: &str) -> Flags {
    Flags { dbname: Some(dbname.to_owned()), ..Flags::default() }
}

/// Connects with pgkit, hands the connection on, and closes it.
pub fn ours_with<T>(
    flags: &Flags,
    env: &[(String, String)],
    home: &Path,
    ask: &mut dyn FnMut(&str) -> Result<String>,
    then: impl AsyncFnOnce(&Connected) -> T,
) -> Result<T> {
    let environment = Environment::of(env.to_vec(), Some(home), Some("me"));
    let target = resolve(flags, &environment, &Disk)?;
    runtime().block_on(async {
        let opening = Opening {
            settings: Box::new(|_| Vec::new()),
            question: Box::new(|_| "SELECT 1".to_owned()),
            stays: false,
            patience: std::time::Duration::from_secs(20),
        };
        let connected = connect(&target, &opening, ask).await?;
        Ok(then(&connected).await)
    })
}

/// Connects with pgkit, never asking for a password.
pub fn ours(dbname: &str, env: &[(String, String)], home: &Path) -> (Outcome, Option<Error>) {
    let flags = Flags { no_password: true, ..flags(dbname) };
    let mut ask = |_: &str| -> Result<String> { panic!("asked for a password in spite of -w") };
    let reached = ours_with(&flags, env, home, &mut ask, async |connected: &Connected| {
        (connected.port.to_string(), connected.encrypted)
    });
    match reached {
        Ok(reached) => (Outcome { reached: Some(reached), tried: Vec::new() }, None),
        Err(error) => (Outcome { reached: None, tried: tried(&error.message) }, Some(error)),
    }
}

/// Connects with libpq.
pub fn libpq(dbname: &str, env: &[(String, String)], home: &Path) -> (Outcome, Answer) {
    libpq_all(&[dbname.to_owned()], env, home).remove(0)
}

/// Connects with libpq, to one after the other.
pub fn libpq_all(dbnames: &[String], env: &[(String, String)], home: &Path) -> Vec<(Outcome, Answer)> {
    let mut env = env.to_vec();
    env.push(("HOME".to_owned(), home.to_str().unwrap().to_owned()));
    let questions =
        dbnames.iter().map(|dbname| oracle::psql_params(None, None, None, Some(dbname.as_str()))).collect();
    oracle::ask_all(questions, &env, true)
        .into_iter()
        .map(|answer| {
            let outcome = if answer.ok {
                Outcome { reached: Some((answer.port.clone(), answer.tls)), tried: Vec::new() }
            } else {
                Outcome { reached: None, tried: tried(&answer.error) }
            };
            (outcome, answer)
        })
        .collect()
}

fn tried(message: &str) -> Vec<String> {
    let mut tried: Vec<String> = Vec::new();
    for line in message.lines().filter(|line| line.starts_with("connection to server")) {
        let port = match line.split_once(", port ") {
            Some((_, rest)) => rest.split([' ', ':']).next().unwrap().to_owned(),
            None => "socket".to_owned(),
        };
        if !tried.contains(&port) {
            tried.push(port);
        }
    }
    tried
}

/// Variables as owned pairs.
pub fn vars(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
