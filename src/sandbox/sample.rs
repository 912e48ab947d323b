//! The sample data of a sandbox, and the few statements that its keeper runs itself.

use std::io::Read;
use std::path::Path;

use super::options::Password;
use super::server::SUPERUSER;
use crate::connect::{self, Disk, Environment, Flags};
use crate::error::{Error, Result};
use crate::session::{InFlight, Wire};

/// The database with the sample data.
pub const DATABASE: &str = "demo";

/// Families of tables, partitions, views, functions and so on, modelled on the posts that pgkit grew from.
const SQL: &str = include_str!("sample.sql");

/// The messages that load the sample data into an empty database. The first one is one transaction.
pub const STATEMENTS: [&str; 2] = [SQL, "VACUUM ANALYZE"];

/// Creates the database [`DATABASE`] and loads the sample data.
pub(super) async fn create(socket_dir: &Path, port: u16) -> Result<()> {
    run(
        socket_dir,
        port,
        "postgres",
        "cannot create the sample database",
        &[&format!("CREATE DATABASE {DATABASE}")],
    )
    .await?;
    run(socket_dir, port, DATABASE, "cannot load the sample data", &STATEMENTS).await
}

/// Gives the superuser a random password that cannot be guessed.
pub(super) async fn set_password(socket_dir: &Path, port: u16) -> Result<Password> {
    let mut random = [0_u8; 16];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut random))
        .map_err(|e| Error::io("cannot read random numbers", &e))?;
    let password: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let sql = format!(
        "SET log_statement = 'none'; SET log_min_duration_statement = -1; SET password_encryption = \
         'scram-sha-256'; ALTER ROLE {SUPERUSER} PASSWORD '{password}'"
    );
    run(socket_dir, port, "postgres", "cannot set a password", &[&sql]).await?;
    Ok(Password(password))
}

/// Runs these statements in a new session.
async fn run(socket_dir: &Path, port: u16, database: &str, failed: &str, statements: &[&str]) -> Result<()> {
    let flags = Flags {
        host: Some(socket_dir.display().to_string()),
        port: Some(port.to_string()),
        username: Some(SUPERUSER.to_owned()),
        dbname: Some(database.to_owned()),
        no_password: true,
        password: false,
        ssh: None,
    };
    let failed = |e: Error| {
        let what = e.message.clone();
        Error { message: failed.to_owned(), ..e.caused_by(what) }
    };
    let target = connect::resolve(&flags, &Environment::default(), &Disk)?;
    let mut nobody_asks = |_: &str| Err(Error::bug("a sandbox asked for a password"));
    let (mut wire, ..) =
        Wire::connect(&target, "SELECT", "", &InFlight::default(), &mut nobody_asks).await.map_err(failed)?;
    for sql in statements {
        wire.run(sql).await.map_err(failed)?;
    }
    wire.close().await;
    Ok(())
}
