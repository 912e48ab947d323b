//! The sample data of a sandbox, and the few statements its keeper sends itself.

use std::io::Read;
use std::path::Path;

use tokio_postgres::{Client, NoTls};

use super::Password;
use super::server::SUPERUSER;
use crate::error::{Error, Exit, Result};

/// The database with the sample data.
pub const DATABASE: &str = "demo";

/// Families of tables, partitions, views, functions and the rest, modelled on the posts that pgkit grew from.
const SQL: &str = include_str!("sample.sql");

/// Loads the sample data into the database that `client` is connected to. It should be empty.
pub async fn load(client: &Client) -> Result<()> {
    // All or nothing: one message is one transaction.
    client.batch_execute(SQL).await.map_err(|e| failed("cannot load the sample data", &e))?;
    client.batch_execute("VACUUM ANALYZE").await.map_err(|e| failed("cannot analyze the sample data", &e))
}

/// Makes the database [`DATABASE`] and loads the sample data.
pub(super) async fn create(socket_dir: &Path, port: u16) -> Result<()> {
    let client = connect(socket_dir, port, "postgres").await?;
    let sql = format!("CREATE DATABASE {DATABASE}");
    client.batch_execute(&sql).await.map_err(|e| failed("cannot make the sample database", &e))?;
    load(&connect(socket_dir, port, DATABASE).await?).await
}

/// Gives the superuser a password that nobody could guess.
pub(super) async fn set_password(socket_dir: &Path, port: u16) -> Result<Password> {
    let mut random = [0_u8; 16];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut random))
        .map_err(|e| Error::io("no random numbers", &e))?;
    let password: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let client = connect(socket_dir, port, "postgres").await?;
    let sql = format!(
        "SET log_statement = 'none'; SET log_min_duration_statement = -1; SET password_encryption = \
         'scram-sha-256'; ALTER ROLE {SUPERUSER} PASSWORD '{password}'"
    );
    client.batch_execute(&sql).await.map_err(|e| failed("cannot set a password", &e))?;
    Ok(Password(password))
}

async fn connect(socket_dir: &Path, port: u16, database: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::Config::new()
        .host_path(socket_dir)
        .port(port)
        .user(SUPERUSER)
        .dbname(database)
        .application_name("pgkit sandbox")
        .connect(NoTls)
        .await
        .map_err(|e| failed("cannot connect to the sandbox", &e))?;
    // It ends with the client.
    tokio::spawn(connection);
    Ok(client)
}

fn failed(what: &str, e: &tokio_postgres::Error) -> Error {
    let error = Error::new(Exit::Unavailable, what);
    match e.as_db_error() {
        Some(db) => error.caused_by(db).with_sqlstate(db.code().code()),
        None => error.caused_by(e),
    }
}
