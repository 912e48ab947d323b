//! What the integration tests share: throwaway servers, a database for every test, the program under test.
//!
//! One server of each version serves a whole run, however many processes the runner starts: the first test
//! starts it, the rest join, and it ends seconds after the last. A test that breaks its server asks for
//! [`own_server`]. Without PostgreSQL the tests fail; they never skip.

pub mod browser;
pub mod catalog;
pub mod every;
pub mod filled;
pub mod jobs;
pub mod pooler;
pub mod pty;
pub mod replica;
pub mod standby;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};

pub(crate) use every::{on_every_planted_server, on_every_server};
use pgkit::report::{Report, Scope};
pub use pgkit::sandbox::Binaries;
use pgkit::sandbox::{self, Info, Lease, Options, Server};

/// Tells whoever runs the tests something, such as what was not run. Cargo captures what `eprintln!` prints and shows it
/// only where a test fails.
pub fn say(text: std::fmt::Arguments) {
    use std::io::Write as _;
    std::io::stderr().write_all(format!("{text}\n").as_bytes()).unwrap();
}

/// The program under test.
pub const PGKIT: &str = env!("CARGO_BIN_EXE_pgkit");

/// A variable of the environment of the tests themselves.
#[expect(clippy::disallowed_methods, reason = "the harness is the root of its own environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The installations to test against: the one that pgkit finds, then those that `PGKIT_TEST_PG_BINS` lists,
/// separated by colons.
pub fn bins() -> &'static [Binaries] {
    static BINS: OnceLock<Vec<Binaries>> = OnceLock::new();
    BINS.get_or_init(|| with_listed(vec![binaries(None)], "PGKIT_TEST_PG_BINS"))
}

fn binaries(dir: Option<&Path>) -> Binaries {
    sandbox::find_binaries(dir, &variable).unwrap_or_else(|e| panic!("the tests need PostgreSQL: {e}"))
}

/// These, and those that a variable lists, separated by colons.
fn with_listed(mut bins: Vec<Binaries>, name: &str) -> Vec<Binaries> {
    let listed = variable(name).unwrap_or_default();
    for dir in listed.split(':').filter(|dir| !dir.is_empty()) {
        let more = binaries(Some(Path::new(dir)));
        if !bins.contains(&more) {
            bins.push(more);
        }
    }
    bins
}

/// [`bins`], and what `PGKIT_TEST_PLANTED_BINS` lists: for the tests of what others plant.
pub fn planted_bins() -> Vec<Binaries> {
    with_listed(bins().to_vec(), "PGKIT_TEST_PLANTED_BINS")
}

/// The installation for tests that need only one: the one that pgkit finds.
pub fn bin() -> &'static Binaries {
    &bins()[0]
}

/// Where the servers of the tests live: in memory where there is plenty, which is several times as fast.
/// `TMPDIR` decides where it is set.
pub fn temp() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let roomy = |stat: nix::sys::statvfs::Statvfs| {
        u128::from(stat.blocks_available()) * u128::from(stat.fragment_size()) > 4 << 30
    };
    let takes_files = tempfile::tempfile_in(memory).is_ok();
    let memory = takes_files && nix::sys::statvfs::statvfs(memory).is_ok_and(roomy);
    match variable("TMPDIR") {
        // Paths of sockets are short.
        Some(named) if named.len() < 25 => PathBuf::from(named),
        _ if memory => PathBuf::from("/dev/shm"),
        _ => PathBuf::from("/tmp"),
    }
}

/// The options of all servers of the tests.
pub fn options(bin: &Binaries) -> Options {
    let temp = temp().into_os_string().into_string().unwrap();
    let env = |name: &str| if name == "TMPDIR" { Some(temp.clone()) } else { variable(name) };
    let mut options = Options::new(bin.clone(), &env);
    options.exe = Some(PathBuf::from(PGKIT));
    options.scope = "tests".to_owned();
    // Autovacuum would change sizes and statistics between two answers that a test compares.
    options.conf("max_prepared_transactions", "20").conf("max_connections", "200").conf("autovacuum", "off")
}

/// The server of this version that all tests share.
pub fn server(bin: &Binaries) -> &'static Lease {
    static LEASES: Mutex<Vec<(Binaries, &'static Lease)>> = Mutex::new(Vec::new());
    // A test that failed to start it poisons nothing for the others.
    let mut leases = LEASES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((_, lease)) = leases.iter().find(|(known, _)| known == bin) {
        return lease;
    }
    let lease = sandbox::shared(&options(bin)).unwrap_or_else(|e| panic!("{e}"));
    // Held until the process ends, which frees it.
    let lease: &'static Lease = Box::leak(Box::new(lease));
    leases.push((bin.clone(), lease));
    lease
}

/// A server for one test, which may break it.
pub fn own_server(options: &Options) -> Server {
    sandbox::start_own(options).unwrap_or_else(|e| panic!("{e}"))
}

/// A fresh database; dropped at the end of the test, or with its server.
#[derive(Debug)]
pub struct Db {
    pub info: Info,
    pub name: String,
}

/// A fresh database on the shared server of the first installation.
pub fn db(name: &str) -> Db {
    database(server(bin()).info(), name)
}

/// A fresh database on this server. A name that was given before in this process gets a number.
pub fn database(info: &Info, name: &str) -> Db {
    static GIVEN: Mutex<BTreeMap<(PathBuf, String), usize>> = Mutex::new(BTreeMap::new());
    let postgres = Db { info: info.clone(), name: "postgres".to_owned() };
    let mut name = format!("t{}_{name}", std::process::id());
    let key = (info.socket_dir.clone(), name.clone());
    let count = *GIVEN.lock().unwrap().entry(key).and_modify(|count| *count += 1).or_insert(1);
    if count > 1 {
        name = format!("{name}_{count}");
    }
    assert!(name.len() <= 63, "too long for a database: {name}");
    postgres.sql(&format!("DROP DATABASE IF EXISTS \"{name}\""));
    postgres.sql(&format!("CREATE DATABASE \"{name}\""));
    Db { info: info.clone(), name }
}

impl Db {
    /// A database that is there already.
    pub fn existing(info: &Info, name: &str) -> Db {
        Db { info: info.clone(), name: name.to_owned() }
    }

    /// Runs one or more statements, in one session of their own; the rows of all of them, as text.
    pub fn sql(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.try_sql(sql).unwrap_or_else(|e| match e.as_db_error() {
            Some(db) => panic!("{}: {db}\n{sql}", db.code().code()),
            None => panic!("{e}\n{sql}"),
        })
    }

    /// The one value of one row.
    pub fn value(&self, sql: &str) -> String {
        let rows = self.sql(sql);
        assert!(rows.len() == 1 && rows[0].len() == 1, "not one value: {rows:?}\n{sql}");
        rows[0][0].clone().unwrap_or_default()
    }

    /// [`Db::sql`] for statements that may fail.
    pub fn try_sql(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
        let session = self.try_session(&self.info.user)?;
        session.try_sql(sql)
    }

    /// Loads the sandbox's sample data.
    pub fn load_sample(&self) {
        let session = self.session();
        for sql in sandbox::SAMPLE {
            session.sql(sql);
        }
    }

    /// A session that stays open, for locks and transactions.
    pub fn session(&self) -> Session {
        self.session_as(&self.info.user)
    }

    /// A session of another role.
    pub fn session_as(&self, user: &str) -> Session {
        self.try_session(user).unwrap_or_else(|e| panic!("{e}"))
    }

    fn try_session(&self, user: &str) -> Result<Session, tokio_postgres::Error> {
        // A thread of its own drives the connection, so that it goes on while the test does other things.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut config = tokio_postgres::Config::new();
        config.host_path(&self.info.socket_dir).port(self.info.port).user(user).dbname(&self.name);
        config.application_name("test");
        if self.info.binaries.major >= 11 {
            // As in pgkit's own sessions: JIT compilation would take longer than the statements themselves.
            config.options("-c jit=off");
        }
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                match config.connect(tokio_postgres::NoTls).await {
                    Ok((client, connection)) => {
                        let _ = send.send(Ok(client));
                        let _ = connection.await;
                    }
                    Err(e) => drop(send.send(Err(e))),
                }
            });
        });
        let client = receive.recv().unwrap()?;
        Ok(Session { client, runtime })
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        if self.name.starts_with(&format!("t{}_", std::process::id())) {
            let postgres = Db::existing(&self.info, "postgres");
            let name = &self.name;
            // The server may be stopped, or the test may have dropped it: it goes with the server anyway.
            let _ = postgres.try_sql(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            ));
            let _ = postgres.try_sql(&format!("DROP DATABASE IF EXISTS \"{name}\""));
        }
    }
}

/// Runs a command that reads pg_extension in a database, without a limit for waits for locks. While it waits there, its session is
/// ended and, if `is_dropped`, the database is dropped. `postgres` is another database of the server.
pub fn run_while_ended(postgres: &Db, database: &str, is_dropped: bool, mut command: Command) -> Output {
    let waiting = format!("FROM pg_stat_activity WHERE datname = '{database}' AND wait_event_type = 'Lock'");
    let holder = Db::existing(&postgres.info, database).session();
    holder.sql("BEGIN; LOCK TABLE pg_catalog.pg_extension IN ACCESS EXCLUSIVE MODE");
    std::thread::scope(|scope| {
        let running = scope.spawn(move || run(&mut command));
        eventually("the command waits", || postgres.value(&format!("SELECT count(*) {waiting}")) == "1");
        postgres.sql(&format!("SELECT pg_terminate_backend(pid) {waiting}"));
        if is_dropped {
            // Without FORCE, as on old servers: there is a moment in which the database still exists.
            postgres.sql(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
            ));
            postgres.sql(&format!("DROP DATABASE {database}"));
        }
        drop(holder);
        running.join().unwrap()
    })
}

/// An open session. It ends when this is dropped.
pub struct Session {
    pub client: tokio_postgres::Client,
    runtime: tokio::runtime::Runtime,
}

impl Session {
    /// Runs one or more statements; the rows of all of them, as text.
    pub fn sql(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.try_sql(sql).unwrap_or_else(|e| panic!("{e}: {sql}"))
    }

    /// [`Session::sql`] for statements that may fail.
    pub fn try_sql(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
        let messages = self.runtime.block_on(self.client.simple_query(sql))?;
        let rows = messages.into_iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect())
            }
            _ => None,
        });
        Ok(rows.collect())
    }

    /// The backend's process.
    pub fn pid(&self) -> i32 {
        self.sql("SELECT pg_backend_pid()")[0][0].as_ref().unwrap().parse().unwrap()
    }

    /// Starts a statement and does not wait for it: for sessions that shall block.
    pub fn send(self, sql: &str) -> std::thread::JoinHandle<Result<(), tokio_postgres::Error>> {
        let sql = sql.to_owned();
        std::thread::spawn(move || self.try_sql(&sql).map(drop))
    }
}

/// Hears what is told on a channel of NOTIFY.
pub struct Listener {
    heard: std::sync::mpsc::Receiver<String>,
    _client: tokio_postgres::Client,
}

impl Listener {
    /// On this channel, from now on.
    pub fn new(db: &Db, channel: &str) -> Listener {
        let mut config = tokio_postgres::Config::new();
        config.host_path(&db.info.socket_dir).port(db.info.port).user(&db.info.user).dbname(&db.name);
        let listen = format!("LISTEN \"{}\"", channel.replace('"', "\"\""));
        let (tell, heard) = std::sync::mpsc::channel();
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (client, mut connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
                let messages = async {
                    while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await
                    {
                        if let tokio_postgres::AsyncMessage::Notification(told) = message {
                            let _ = tell.send(told.payload().to_owned());
                        }
                    }
                };
                let listens = async {
                    client.batch_execute(&listen).await.unwrap();
                    send.send(client).unwrap();
                };
                tokio::join!(messages, listens);
            });
        });
        Listener { heard, _client: receive.recv().unwrap() }
    }

    /// The first ones, as many as these; and no more came.
    pub fn heard(&self, count: usize) -> Vec<String> {
        let patience = std::time::Duration::from_secs(10);
        let all: Vec<String> = (0..count).map(|_| self.heard.recv_timeout(patience).unwrap()).collect();
        assert_eq!(self.heard.try_recv().ok(), None);
        all
    }
}

/// The names of all formats, as `--help` lists them, without `tree` and `sections`, which only some reports have.
pub fn formats() -> Vec<String> {
    let help = run(bare_pgkit().args(["relations", "--help"])).stdout;
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, listed) = words.split_once("elsewhere] [possible values: ").unwrap();
    let (listed, _) = listed.split_once(']').unwrap();
    let all: Vec<String> =
        listed.split(", ").filter(|name| !["tree", "sections"].contains(name)).map(str::to_owned).collect();
    assert!(all.len() > 6, "{all:?}");
    all
}

/// The reports that a server answers, which are all but those of a pooler's console.
pub fn server_reports() -> Vec<Report> {
    let mut reports = pgkit::report::built_in(|_| true).unwrap();
    reports.retain(|report| report.scope != Scope::Pooler);
    reports
}

/// The same, with what only `doctor` asks.
pub fn all_reports() -> Vec<Report> {
    let mut reports = server_reports();
    reports.extend(pgkit::report::of_doctor().unwrap());
    reports
}

/// Reports whose answers change between two looks, although nobody does anything.
pub const MOVING: &[&str] = &[
    "activity",
    "bloat",
    "cache",
    "checkpoints",
    "connections",
    "databases",
    "index-bloat",
    "indexes",
    "io",
    "locks",
    "progress",
    "replication",
    "tables",
    "tablespaces",
    "temp",
    "vacuum",
    "wal",
    "index-problems",
];

/// Whether every text of a report needs an extension, so that it answers only where that is installed.
pub fn needs_extension(report: &Report) -> bool {
    report.texts.iter().all(|text| text.extension.is_some())
}

/// The words that run a report: its name, and this word where it cannot do without one.
pub fn line_of(report: &Report, word: &str) -> Vec<String> {
    let needs_word = report.params.iter().any(|param| param.required);
    [&report.name].into_iter().cloned().chain(needs_word.then(|| word.to_owned())).collect()
}

/// Whether the server's own list of extensions fails, as it does where one control file is of another version. The report
/// `extensions` then lists what is installed, by its next text.
pub fn cannot_list_extensions(db: &Db) -> bool {
    db.try_sql("SELECT count(*) FROM pg_available_extensions").is_err()
}

/// Waits until a condition holds; fails the test after two minutes.
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    eventually_or(what, condition, String::new);
}

/// Waits until a condition holds; fails the test after two minutes, with what there is to say then.
pub fn eventually_or(what: &str, condition: impl Fn() -> bool, state: impl Fn() -> String) {
    let start = std::time::Instant::now();
    // Most conditions open a new connection, which costs the server about as much as what they wait for.
    let mut pause = std::time::Duration::from_millis(10);
    while !condition() {
        // A machine that runs other things too may stand still for half a minute.
        assert!(start.elapsed().as_secs() < 120, "not within 120 s: {what}\n{}", state());
        std::thread::sleep(pause);
        pause = (pause * 5 / 4).min(std::time::Duration::from_millis(100));
    }
}

/// The program under test with nothing of the tester's environment but a way to programs: UTC, English,
/// 100 columns, a home of its own.
pub fn bare_pgkit() -> Command {
    static HOME: OnceLock<PathBuf> = OnceLock::new();
    let home = HOME.get_or_init(|| {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("home-{}", std::process::id()));
        // Of an earlier process of that number.
        let _ = std::fs::remove_dir_all(&home);
        std::fs::create_dir_all(&home).unwrap();
        home
    });
    let mut command = Command::new(PGKIT);
    clean(&mut command);
    command.env("HOME", home);
    command.env("COLUMNS", "100").stdin(Stdio::null());
    command
}

/// [`bare_pgkit`] connected to this database by its environment.
pub fn pgkit(db: &Db) -> Command {
    let mut command = bare_pgkit();
    connect(&mut command, db);
    command
}

/// psql without anybody's settings: rows only, unaligned, tab-separated.
pub fn psql(db: &Db) -> Command {
    let mut command = Command::new(psql_path());
    clean(&mut command);
    command.args(["-X", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1"]).stdin(Stdio::null());
    connect(&mut command, db);
    command
}

fn clean(command: &mut Command) {
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
    command.env("TERM", "dumb");
}

fn connect(command: &mut Command, db: &Db) {
    command.envs(db.info.env()).env("PGDATABASE", &db.name);
}

/// The real psql: `PGKIT_TEST_PSQL`, then the newest installed (Debian's `/usr/bin/psql` is a slow wrapper),
/// then `PATH`.
pub fn psql_path() -> PathBuf {
    if let Some(named) = variable("PGKIT_TEST_PSQL") {
        return PathBuf::from(named);
    }
    let installed = sandbox::all_binaries().into_iter().chain(bins().iter().cloned());
    let installed = installed.map(|bin| bin.program("psql")).find(|psql| psql.is_file());
    installed.unwrap_or_else(|| PathBuf::from("psql"))
}

/// What a program left: exit code, stdout and stderr.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command to its end.
#[must_use = "compare it with a snapshot, or assert the exit code"]
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{:?}: {e}", command.get_program()));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Output { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

impl Output {
    /// All three in one text, for a snapshot.
    pub fn snapshot(&self) -> String {
        let code = self.code.map_or("signal".to_owned(), |code| code.to_string());
        format!(
            "exit: {code}\n--- stdout ---\n{}--- stderr ---\n{}",
            ended(&self.stdout),
            ended(&self.stderr)
        )
    }

    /// That column of the tab-separated lines that hold this text, whatever the exit code.
    pub fn lines_of(&self, text: &str, column: usize) -> Vec<&str> {
        self.stdout.lines().filter(|l| l.contains(text)).filter_map(|l| l.split('\t').nth(column)).collect()
    }

    /// The lines of stdout of a command that must have succeeded.
    pub fn lines(&self) -> Vec<&str> {
        assert_eq!(self.code, Some(0), "{}", self.snapshot());
        self.stdout.lines().collect()
    }
}

/// A text that does not end its last line says so.
fn ended(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}<no newline>\n") }
}

/// Arguments without naming a type at every call.
pub fn with<S: AsRef<OsStr>>(mut command: Command, args: impl IntoIterator<Item = S>) -> Command {
    command.args(args);
    command
}
