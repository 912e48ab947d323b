//! A real server whose certificate and pg_hba.conf a test chooses. Only this folder's tests need such a one.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pgkit::connect::{Connected, Flags, environment};

use super::certificates::Signed;
use super::run;

/// A server in a folder of its own. It ends with this value, and with the thread that started it.
pub struct Server {
    folder: tempfile::TempDir,
    pub port: u16,
    child: Child,
    owner: Option<(u32, u32)>,
}

/// The newest installation, or the one PGKIT_PG_BIN names.
fn bindir() -> PathBuf {
    if let Some(named) = environment().nonempty("PGKIT_PG_BIN") {
        return PathBuf::from(named);
    }
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, path)| path.join("initdb").exists())
        .collect();
    found.sort();
    let (_, path) = found
        .pop()
        .expect("these tests need a PostgreSQL server: install one, or set PGKIT_PG_BIN to its programs");
    path
}

/// The newest of the other installations to test against.
pub fn newest() -> Option<PathBuf> {
    environment().nonempty("PGKIT_TEST_PG_BINS")?.split(':').next_back().map(PathBuf::from)
}

impl Server {
    /// Starts one with this pg_hba.conf. `boss` is its superuser.
    pub fn start(hba: &str) -> Server {
        Server::start_at(&bindir(), hba)
    }

    /// The same, with the programs of this installation.
    pub fn start_at(bindir: &Path, hba: &str) -> Server {
        let folder = tempfile::Builder::new().prefix("pgkit-connect-").tempdir().unwrap();
        // A server refuses to run as root.
        let owner = nix::unistd::geteuid().is_root().then(|| {
            let user =
                ["postgres", "nobody"].iter().find_map(|name| nix::unistd::User::from_name(name).unwrap());
            let user = user.expect("root needs a user postgres or nobody to run the server as");
            (user.uid.as_raw(), user.gid.as_raw())
        });
        own(folder.path(), owner);
        let data = folder.path().join("data");
        let output = program(&bindir.join("initdb"), owner)
            .args(["-A", "trust", "-U", "boss", "--no-sync", "--locale=C", "-E", "UTF8", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        fs::write(data.join("pg_hba.conf"), format!("local all boss trust\n{hba}")).unwrap();
        let settings = "listen_addresses = '127.0.0.1'\nfsync = off\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'\n\
                        log_destination = stderr\nautovacuum = off\n";
        let conf = data.join("postgresql.conf");
        fs::write(&conf, format!("{}\n{settings}", fs::read_to_string(&conf).unwrap())).unwrap();
        // Another process may take the port in between.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut child = program(&bindir.join("postgres"), owner)
                .arg("-D")
                .arg(&data)
                .args(["-p", &port.to_string(), "-k"])
                .arg(folder.path())
                .stderr(fs::File::create(folder.path().join("log")).unwrap())
                .spawn()
                .unwrap();
            if ready(&data, &mut child) {
                return Server { folder, port, child, owner };
            }
        }
        panic!(
            "the server does not start: {}",
            fs::read_to_string(folder.path().join("log")).unwrap_or_default()
        );
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs statements as its superuser, over its socket; the first value of the last row.
    pub fn sql(&self, sql: &str) -> String {
        let flags = Flags {
            host: Some(self.folder().to_str().unwrap().to_owned()),
            port: Some(self.port.to_string()),
            username: Some("boss".to_owned()),
            dbname: Some("postgres".to_owned()),
            ..Flags::default()
        };
        let mut ask = |prompt: &str| panic!("{prompt}");
        run::ours_with(&flags, &[], self.folder(), &mut ask, async |connected: &Connected| {
            value(connected, sql).await
        })
        .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Has it show this certificate, and take clients' certificates signed by that authority.
    pub fn show(&self, server: &Signed, authority: &Signed) {
        let data = self.folder().join("data");
        own(&server.write(&data.join("server.crt")), self.owner);
        own(&server.write_key(&data.join("server.key")), self.owner);
        own(&authority.write(&data.join("clients.crt")), self.owner);
        self.set("ssl_ca_file = 'clients.crt'; ALTER SYSTEM SET ssl = on");
    }

    /// Changes a setting, and waits until new sessions have it.
    pub fn set(&self, setting: &str) {
        for statement in setting.split("; ") {
            let statement = statement.strip_prefix("ALTER SYSTEM SET ").unwrap_or(statement);
            self.sql(&format!("ALTER SYSTEM SET {statement}"));
        }
        let before = self.sql("SELECT pg_conf_load_time()");
        self.sql("SELECT pg_reload_conf()");
        let begun = Instant::now();
        while self.sql("SELECT pg_conf_load_time()") == before {
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "the server does not reload its configuration"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGQUIT);
        let _ = self.child.wait();
    }
}

/// The first value of the last row.
pub async fn value(connected: &Connected, sql: &str) -> String {
    let messages =
        connected.client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let value = messages.iter().rev().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    value.unwrap_or_default().to_owned()
}

/// The program, as the owner, and not for longer than this thread lives: setpriv, where there is one, knows how
/// to ask the kernel for both.
fn program(path: &Path, owner: Option<(u32, u32)>) -> Command {
    let mut command = match (owner, Path::new("/usr/bin/setpriv").exists()) {
        (None, false) => Command::new(path),
        (owner, _) => {
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "QUIT"]);
            if let Some((uid, gid)) = owner {
                command.args(["--reuid", &uid.to_string(), "--regid", &gid.to_string(), "--clear-groups"]);
            }
            command.arg(path);
            command
        }
    };
    command.current_dir("/").env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn own(path: &Path, owner: Option<(u32, u32)>) {
    if let Some((uid, gid)) = owner {
        chown(path, Some(uid), Some(gid)).unwrap();
    }
}

/// Line 8 of postmaster.pid says so. False when the server has ended.
fn ready(data: &Path, child: &mut Child) -> bool {
    let begun = Instant::now();
    loop {
        let pid = fs::read_to_string(data.join("postmaster.pid")).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(String::new()),
            _ => Err(error),
        });
        if pid.unwrap().lines().nth(7).is_some_and(|line| line.trim() == "ready") {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the server does not become ready");
        std::thread::sleep(Duration::from_millis(5));
    }
}
