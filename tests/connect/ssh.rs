//! `--ssh`, with a real sshd on loopback. The server "behind" it is on the same machine.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::certificates::{Says, sign};
use super::server::Server;
use crate::support::pty::pressed;
use crate::support::*;

const SSHD: &str = "/usr/sbin/sshd";

/// An sshd, and a user whose ssh knows it as `bastion`. It ends when dropped, or with the thread that started it.
struct Sshd {
    folder: tempfile::TempDir,
    child: Child,
    port: u16,
}

impl Sshd {
    /// Starts one. `None`, and a word to whoever runs the tests, where none is installed.
    fn start() -> Option<Sshd> {
        if !Path::new(SSHD).is_file() {
            say(format_args!("not run: no sshd (apt install openssh-server)"));
            return None;
        }
        if nix::unistd::geteuid().is_root() {
            // sshd refuses to start without it; a service manager would make it.
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let folder = tempfile::Builder::new().prefix("ssh").tempdir_in(temp()).unwrap();
        let path = folder.path();
        for name in ["bin", "run"] {
            std::fs::create_dir(path.join(name)).unwrap();
        }
        for name in ["host", "user", "stranger"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path.join(name));
            assert!(keygen.status().unwrap().success());
        }
        std::fs::copy(path.join("user.pub"), path.join("authorized")).unwrap();
        // Another process may take the port in between.
        for _ in 0..5 {
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let root = path.display();
            let conf = format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {root}/host\nAuthorizedKeysFile {root}/authorized\n\
                 UsePAM no\nStrictModes no\nPermitRootLogin yes\nPidFile none\nMaxStartups 100\n"
            );
            std::fs::write(path.join("sshd_config"), conf).unwrap();
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "TERM", SSHD, "-D", "-e", "-f"]).arg(path.join("sshd_config"));
            command.stdin(Stdio::null()).stdout(Stdio::null());
            command.stderr(std::fs::File::create(path.join("log")).unwrap());
            let mut child = command.spawn().unwrap();
            let log = || std::fs::read_to_string(path.join("log")).unwrap();
            eventually("sshd listens, or does not", || {
                log().contains("Server listening") || log().contains("Cannot bind") || log().contains("fatal")
            });
            if log().contains("Server listening") {
                let sshd = Sshd { folder, child, port };
                sshd.known(Some("host"));
                sshd.configure("user", "");
                return Some(sshd);
            }
            child.wait().unwrap();
        }
        panic!("sshd does not start: {}", std::fs::read_to_string(path.join("log")).unwrap());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Has the user's ssh log in with this key, and has these lines in its configuration too.
    fn configure(&self, key: &str, more: &str) {
        let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
        let root = self.folder.path().display();
        let text = format!(
            "{more}\nHost bastion\nHostName 127.0.0.1\nPort {}\nUser {user}\nIdentityFile {root}/{key}\nIdentitiesOnly yes\n\
             Host *\nUserKnownHostsFile {root}/known\nGlobalKnownHostsFile none\n",
            self.port
        );
        std::fs::write(self.path("ssh_config"), text).unwrap();
        self.program("");
    }

    /// Writes the `ssh` that is found on the path: the real one with the configuration of the test. (The real one takes
    /// the home directory from the user database, not from HOME.) These lines come first.
    fn program(&self, first: &str) {
        let script = format!(
            "#!/bin/sh\n{first}\nexec /usr/bin/ssh -F {} \"$@\"\n",
            self.path("ssh_config").display()
        );
        // A script that is open for writing in another thread's child cannot be executed, so it is never rewritten.
        let new = self.path("bin/new");
        std::fs::write(&new, script).unwrap();
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(new, self.path("bin/ssh")).unwrap();
    }

    /// Has the user's ssh know this host key, or none.
    fn known(&self, key: Option<&str>) {
        let line = key.map_or(String::new(), |key| {
            let key = std::fs::read_to_string(self.path(&format!("{key}.pub"))).unwrap();
            format!("[127.0.0.1]:{} {key}", self.port)
        });
        std::fs::write(self.path("known"), line).unwrap();
    }

    /// pgkit through this sshd, to this database.
    fn pgkit(&self, db: &Db) -> Command {
        self.through(pgkit(db))
    }

    fn through(&self, mut command: Command) -> Command {
        command.env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()));
        command.env("XDG_RUNTIME_DIR", self.path("run")).args(["--ssh", "bastion"]);
        command
    }

    /// How often somebody has logged in.
    fn logins(&self) -> usize {
        std::fs::read_to_string(self.path("log")).unwrap().matches("Accepted publickey").count()
    }

    /// Fails if there is anything in the directory where the sockets are made.
    fn has_left_nothing(&self) {
        let left: Vec<_> =
            std::fs::read_dir(self.path("run")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = kill(pid(&self.child), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().unwrap())
}

/// The processes of this name below that one.
fn children(parent: Pid, name: &str) -> Vec<Pid> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(one) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Some((command, state, of)) = process(one) else { continue };
        if of == parent && command == name && state != 'Z' {
            found.push(Pid::from_raw(one));
        }
    }
    found
}

/// A process's name, its state and its parent.
fn process(one: i32) -> Option<(String, char, Pid)> {
    let stat = std::fs::read_to_string(format!("/proc/{one}/stat")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((name.to_owned(), state, Pid::from_raw(fields.next()?.parse().ok()?)))
}

fn has_ended(one: Pid) -> bool {
    process(one.as_raw()).is_none_or(|(_, state, _)| state == 'Z')
}

/// Waits for the one ssh of this process.
fn ssh_of(parent: Pid) -> Pid {
    eventually("ssh runs", || children(parent, "ssh").len() == 1);
    children(parent, "ssh")[0]
}

/// A directory with one report, which sleeps for this many seconds.
fn sleeping(seconds: &str) -> tempfile::TempDir {
    own_report(&format!("SELECT pg_catalog.pg_sleep({seconds})::text AS t"))
}

/// A directory with a report `own` of one column `t`.
fn own_report(sql: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("-- A report.\n--\n-- since = 10\n-- columns = [\"t text\"]\n{sql}\n");
    std::fs::write(folder.path().join("own.sql"), text).unwrap();
    folder
}

fn runs(db: &Db, what: &str) -> bool {
    db.value(&format!(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%{what}%' AND pid <> pg_backend_pid()"
    )) != "0"
}

#[test]
fn a_report_through_ssh_gives_the_same_rows_and_leaves_nothing() {
    let Some(sshd) = Sshd::start() else { return };
    let db = db("ssh_rows");
    db.sql("CREATE TABLE one (a int); CREATE TABLE two (b int)");
    let direct = run(pgkit(&db).args(["relations", "--csv"]));
    let through = run(sshd.pgkit(&db).args(["relations", "--csv"]));
    assert_eq!(through, direct);
    assert!(through.stdout.contains("one") && through.code == Some(0), "{}", through.snapshot());
    sshd.has_left_nothing();
}

#[test]
fn one_ssh_serves_all_databases() {
    let Some(sshd) = Sshd::start() else { return };
    let db = db("ssh_all");
    db.sql("CREATE TABLE of_all (a int)");
    let output = run(sshd.pgkit(&db).args(["relations", "--all-databases", "-q", "--grep", "of_all"]));
    assert!(output.stdout.contains(&db.name), "{}", output.snapshot());
    assert_eq!(sshd.logins(), 1);
}

#[test]
fn servers_behind_one_ssh_host_share_one_login_and_the_configuration_file_names_it() {
    let Some(sshd) = Sshd::start() else { return };
    let dbs: Vec<Db> = (1..=3).map(|i| db(&format!("ssh_fleet{i}"))).collect();
    let mut list = String::new();
    for (db, i) in dbs.iter().zip(1..) {
        db.sql(&format!("CREATE TABLE t{i} ()"));
        list.push_str(&format!("s{i} dbname={}\n", db.name));
    }
    std::fs::write(sshd.path("list"), list).unwrap();
    let list = sshd.path("list").display().to_string();
    let output = run(sshd.pgkit(&dbs[0]).args([
        "relations",
        "--servers",
        &list,
        "--all-databases",
        "--limit",
        "100000",
    ]));
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    for server in ["s1", "s2", "s3"] {
        let line = format!("{server}\t{}\tpublic\tt3\t", dbs[2].name);
        assert!(output.stdout.contains(&line), "{line}: {}", output.snapshot());
    }
    assert_eq!(sshd.logins(), 1);
    // Through the file, for one server and for a group, of which one member is reached directly.
    let conninfo = |i: usize| format!("conninfo = \"dbname={}\"", dbs[i].name);
    let text = format!(
        "[servers.far]\n{}\nssh = \"bastion\"\n[servers.near]\n{}\n[groups]\nboth = [\"near\", \"far\"]\n",
        conninfo(0),
        conninfo(1)
    );
    std::fs::write(sshd.path("config.toml"), text).unwrap();
    let configured = |service: &str| {
        let mut command = pgkit(&dbs[2]);
        command.env("PATH", format!("{}:/usr/bin:/bin", sshd.path("bin").display()));
        command.env("XDG_RUNTIME_DIR", sshd.path("run")).env("PGKIT_CONFIG", sshd.path("config.toml"));
        run(command.args(["relations", "--columns", "name", "--service", service]))
    };
    for (service, tables, logins) in [("near", "t2\n", 1), ("far", "t1\n", 2), ("@both", "t2\nt1\n", 3)] {
        let output = configured(service);
        assert_eq!((output.code, output.stdout.as_str()), (Some(0), tables), "{}", output.snapshot());
        assert_eq!(sshd.logins(), logins, "{service}");
    }
    sshd.has_left_nothing();
}

#[test]
fn kill_9_of_pgkit_ends_ssh_and_leaves_no_socket() {
    let Some(sshd) = Sshd::start() else { return };
    let db = db("ssh_kill");
    let own = sleeping("71.1");
    let mut command = sshd.pgkit(&db);
    command.env("PGKIT_QUERIES", own.path()).args(["run", "own"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    eventually("the statement runs", || runs(&db, "pg_sleep(71.1)"));
    let ssh = ssh_of(pid(&child));
    // The socket has no name any more, although it is in use.
    sshd.has_left_nothing();
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("ssh ends", || has_ended(ssh));
    sshd.has_left_nothing();
}

#[test]
fn ctrl_c_cancels_through_the_tunnel() {
    let Some(sshd) = Sshd::start() else { return };
    let db = db("ssh_int");
    let own = sleeping("72.2");
    let mut command = sshd.pgkit(&db);
    command.env("PGKIT_QUERIES", own.path()).args(["run", "own", "--statement-timeout", "0"]);
    let mut child = command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually("the statement runs", || runs(&db, "pg_sleep(72.2)"));
    let ssh = ssh_of(pid(&child));
    // As a terminal does it: to the whole group, and ssh is in it.
    assert_eq!(nix::unistd::getpgid(Some(ssh)).unwrap(), pid(&child));
    killpg(pid(&child), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // It was cancelled. A server that only notices that its client has gone says something else.
    eventually("the server says that it has cancelled the statement", || {
        let log = std::fs::read_to_string(&db.info.log_file).unwrap();
        let mut lines =
            log.lines().skip_while(|line| !line.contains("canceling statement due to user request"));
        lines.any(|line| line.contains("STATEMENT") && line.contains("pg_sleep(72.2)"))
            && !log.lines().any(|line| line.contains("connection to client lost") && line.contains(&db.name))
    });
    assert!(has_ended(ssh));
}

#[test]
fn what_ssh_says_is_the_error() {
    let Some(sshd) = Sshd::start() else { return };
    let db = db("ssh_errors");
    let fails = |args: &[&str]| {
        let output = run(sshd.pgkit(&db).args(["relations"]).args(args));
        assert_eq!(output.code, Some(69), "{}", output.snapshot());
        output.stderr
    };

    sshd.known(Some("stranger"));
    let stderr = fails(&[]);
    assert!(stderr.starts_with("pgkit: ssh to bastion failed:\n"), "{stderr}");
    assert!(stderr.contains("REMOTE HOST IDENTIFICATION HAS CHANGED"), "{stderr}");
    assert!(stderr.contains("\nHost key verification failed.\n"), "{stderr}");

    sshd.known(None);
    let stderr = fails(&["-w"]);
    assert!(stderr.contains("Host key verification failed."), "{stderr}");

    sshd.known(Some("host"));
    sshd.configure("stranger", "");
    let stderr = fails(&["-w"]);
    assert!(
        stderr.contains("ssh to bastion failed:") && stderr.contains("Permission denied (publickey"),
        "{stderr}"
    );

    sshd.configure("user", "");
    let stderr = fails(&["--ssh", "pgkit.invalid"]);
    assert!(
        stderr.contains("ssh to pgkit.invalid failed: ssh: Could not resolve hostname pgkit.invalid"),
        "{stderr}"
    );

    let stderr = fails(&["-h", "127.0.0.1", "-p", "1"]);
    let expected = "connection to server at \"127.0.0.1\", port 1, through ssh bastion, failed: ssh could not reach it: channel";
    assert!(stderr.contains(expected) && stderr.contains("Connection refused"), "{stderr}");
    let stderr = fails(&["-h", "/nowhere"]);
    assert!(stderr.contains("socket \"/nowhere/.s.PGSQL.") && stderr.contains("open failed"), "{stderr}");

    // ssh's own line comes late, and a silent configuration does not silence it.
    sshd.configure("user", "LogLevel QUIET");
    let stderr = fails(&["-h", "127.0.0.1", "-p", "1"]);
    assert!(stderr.contains("ssh could not reach it"), "{stderr}");
    sshd.has_left_nothing();

    let mut command = sshd.pgkit(&db);
    command.env("PATH", sshd.path("run")).arg("relations");
    let output = run(&mut command);
    assert_eq!(output.code, Some(69));
    assert!(
        output.stderr.contains("cannot start ssh") && output.stderr.contains("hint: install"),
        "{}",
        output.stderr
    );
}

#[test]
fn what_is_no_destination_is_wrong_usage() {
    for (line, words) in [
        (&["--ssh=-oProxyCommand=id", "relations", "-h", "h"][..], "cannot begin with \"-\""),
        (&["--ssh=me@-x", "relations", "-h", "h"], "cannot begin with \"-\""),
        (&["--ssh=", "relations", "-h", "h"], "the host is empty"),
        (&["--ssh=a b", "relations", "-h", "h"], "cannot contain"),
        (&["--ssh=a", "relations", "-h", "@abstract"], "abstract"),
        (&["--ssh=a", "relations", "-d", "host=/x requirepeer=postgres"], "requirepeer"),
        (&["--ssh=a", "relations", "--from", "file"], "--ssh cannot be used with --from"),
        (&["--ssh=a", "sandbox", "status"], "does not accept connection flags"),
    ] {
        let output = run(bare_pgkit().args(["-U", "u"]).args(line));
        let mut shown = output.clone();
        if line.contains(&"--from") || line.contains(&"sandbox") {
            shown = run(bare_pgkit().args(line.iter().filter(|word| !["-h", "h"].contains(word))));
        }
        assert_eq!(shown.code, Some(64), "{line:?}: {}", shown.snapshot());
        assert!(shown.stderr.contains(words), "{line:?}: {}", shown.snapshot());
    }
}

#[test]
fn tls_and_the_password_file_go_by_the_servers_own_name() {
    let Some(sshd) = Sshd::start() else { return };
    let server =
        Server::start("hostssl all scram 127.0.0.1/32 scram-sha-256\nhost all anyhow 127.0.0.1/32 trust\n");
    server.sql(
        "SET password_encryption = 'scram-sha-256'; CREATE ROLE scram LOGIN PASSWORD 'right'; CREATE ROLE anyhow LOGIN",
    );
    let authority = sign(Says { common: Some("authority"), authority: true, ..Says::default() }, None);
    let certificate = sign(Says { names: &["db.example"], ..Says::default() }, Some(&authority));
    server.show(&certificate, &authority);
    let roots = authority.write(&sshd.path("roots.crt"));
    let passfile = sshd.path("pgpass");
    std::fs::write(&passfile, format!("db.example:{}:postgres:scram:right\n*:*:*:*:wrong\n", server.port))
        .unwrap();
    std::fs::set_permissions(&passfile, std::fs::Permissions::from_mode(0o600)).unwrap();
    let own = own_report(
        "SELECT ssl::text AS t FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()",
    );
    let ask = |more: &str| {
        let dbname = format!("hostaddr=127.0.0.1 port={} dbname=postgres {more}", server.port);
        let mut command = sshd.through(bare_pgkit());
        command.env("PGPASSFILE", &passfile).env("PGSSLROOTCERT", &roots).env("PGKIT_QUERIES", own.path());
        run(command.args(["-w", "run", "own", "-d", &dbname]))
    };
    // The name is in the certificate and in the password file, and nobody can look it up.
    let output = ask("host=db.example user=scram sslmode=verify-full channel_binding=require");
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "true\n"), "{}", output.snapshot());
    let output = ask("host=other.example user=anyhow sslmode=verify-full");
    assert_eq!(output.code, Some(69), "{}", output.snapshot());
    assert!(output.stderr.contains("does not match host name \"other.example\""), "{}", output.snapshot());
    let output = ask("host=other.example user=scram sslmode=require");
    assert!(output.stderr.contains("password authentication failed"), "{}", output.snapshot());
    for (mode, encrypted) in [("disable", "false\n"), ("prefer", "true\n"), ("verify-ca", "true\n")] {
        assert_eq!(ask(&format!("host=x user=anyhow sslmode={mode}")).stdout, encrypted, "{mode}");
    }
    let output = ask("host=db.example user=scram sslmode=disable");
    assert_eq!(output.code, Some(69));
    assert!(
        output.stderr.contains("through ssh bastion") && output.stderr.contains("pg_hba.conf"),
        "{}",
        output.snapshot()
    );
    // localhost of the ssh host is where the server is if no host is named.
    let mut command = sshd.through(bare_pgkit());
    command.env("PGKIT_QUERIES", own.path()).env("PGPORT", server.port.to_string());
    let output = run(command.args(["run", "own", "-U", "anyhow", "-d", "postgres"]));
    assert_eq!(output.stdout, "true\n", "{}", output.snapshot());
}

#[test]
fn of_several_hosts_the_first_that_answers_is_taken() {
    let Some(sshd) = Sshd::start() else { return };
    let db = db("ssh_hosts");
    db.sql("CREATE TABLE there (a int)");
    let hosts = format!("127.0.0.1,/nowhere,{}", db.info.socket_dir.display());
    let ports = format!("1,2,{}", db.info.port);
    let output = run(sshd.pgkit(&db).args(["relations", "-h", &hosts, "-p", &ports, "--columns", "name"]));
    assert_eq!(output.stdout, "there\n", "{}", output.snapshot());
    assert_eq!(sshd.logins(), 1);
    let output = run(sshd.pgkit(&db).args(["relations", "-h", "127.0.0.1,/nowhere", "-p", "1,2"]));
    assert_eq!(output.code, Some(69));
    assert_eq!(output.stderr.matches("ssh could not reach it").count(), 2, "{}", output.snapshot());
}

#[test]
fn an_ssh_that_dies_is_named_and_watch_starts_another() {
    let Some(sshd) = Sshd::start() else { return };
    let db = db("ssh_dies");
    let own = sleeping("73.3");
    let mut command = sshd.pgkit(&db);
    command
        .env("PGKIT_QUERIES", own.path())
        .args(["run", "own"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    eventually("the statement runs", || runs(&db, "pg_sleep(73.3)"));
    kill(ssh_of(pid(&child)), Signal::SIGKILL).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(69), "{stderr}");
    assert!(stderr.contains("lost the connection to the server"), "{stderr}");
    assert!(stderr.contains("ssh to bastion ended: signal: 9"), "{stderr}");

    db.sql("CREATE TABLE looked_at (a int)");
    let mut command = sshd.pgkit(&db);
    let file = sshd.path("watched");
    command.args(["relations", "--watch", "0.1", "--columns", "name"]).stderr(Stdio::null());
    let mut child = command.stdout(std::fs::File::create(&file).unwrap()).spawn().unwrap();
    let answers = || std::fs::read_to_string(&file).unwrap().lines().count();
    eventually("there is an answer", || answers() > 0);
    let first = ssh_of(pid(&child));
    kill(first, Signal::SIGKILL).unwrap();
    eventually("there is another ssh", || children(pid(&child), "ssh").iter().any(|ssh| *ssh != first));
    let before = answers();
    eventually("answers go on", || answers() > before + 1);
    kill(pid(&child), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn nothing_in_the_users_configuration_breaks_the_tunnel_or_outlives_it() {
    let Some(sshd) = Sshd::start() else { return };
    let db = db("ssh_config");
    db.sql("CREATE TABLE there (a int)");
    let works = |name: &str| {
        let output = run(sshd.pgkit(&db).args(["relations", "--columns", "name"]));
        assert_eq!(output.stdout, "there\n", "{name}: {}", output.snapshot());
        assert_eq!(output.stderr, "", "{name}");
    };
    // Its port is taken, as it is while another ssh of the user runs.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let master = sshd.path("master");
    let marker = sshd.path("marker");
    sshd.configure(
        "user",
        &format!(
            "ControlMaster auto\nControlPath {}\nControlPersist 600\nExitOnForwardFailure yes\nLocalForward 127.0.0.1:{port} localhost:1\n\
             PermitLocalCommand yes\nLocalCommand touch {marker}\nRemoteCommand touch {marker}\nRequestTTY force\n\
             ForkAfterAuthentication yes\nClearAllForwardings yes\nForwardAgent yes\nIgnoreUnknown UnheardOf\nUnheardOf yes",
            master.display(),
            marker = marker.display()
        ),
    );
    works("odd settings");
    assert!(!master.exists() && !marker.exists());
    let of_test = format!("{}", sshd.path("ssh_config").display());
    eventually("no ssh is left", || {
        !std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&of_test)
        })
    });

    // An ssh from before these options.
    sshd.configure("user", "");
    sshd.program(
        "for word; do case $word in RemoteCommand=*|ForkAfterAuthentication=*)\n\
         echo \"command-line: line 0: Bad configuration option: ${word%%=*}\" | tr A-Z a-z | sed s/bad/Bad/ >&2; exit 255;; esac; done",
    );
    works("an old ssh");
    sshd.has_left_nothing();
}

#[test]
fn ssh_asks_on_the_terminal_unless_nothing_may_be_asked() {
    let Some(sshd) = Sshd::start() else { return };
    let db = db("ssh_asks");
    db.sql("CREATE TABLE there (a int)");
    sshd.known(None);
    let mut command = sshd.pgkit(&db);
    command.args(["relations", "--csv", "--columns", "name", "--no-pager"]);
    let (code, shown) = pressed(&command, 24, 100, &[("(yes/no", "\u{3}")]);
    assert_eq!(code, Some(130), "{shown}");
    let (code, shown) = pressed(&command, 24, 100, &[("(yes/no", "yes\r")]);
    assert!(code == Some(0) && shown.ends_with("there\n"), "{code:?}: {shown}");
    // It is known now.
    let (code, shown) = pressed(&command, 24, 100, &[]);
    assert!(code == Some(0) && !shown.contains("yes/no"), "{code:?}: {shown}");
    // What ssh writes while it waits for a person must be seen.
    sshd.program("echo 'Confirm user presence for key' >&2; read touch </dev/tty");
    let (code, shown) = pressed(&command, 24, 100, &[("ssh: Confirm user presence for key", "\r")]);
    assert!(code == Some(0) && shown.ends_with("there\n"), "{code:?}: {shown}");
    sshd.program("");
    sshd.known(None);
    command.arg("-w");
    let (code, shown) = pressed(&command, 24, 100, &[]);
    assert!(code == Some(69) && shown.contains("Host key verification failed"), "{code:?}: {shown}");
    sshd.has_left_nothing();
}

#[test]
fn an_ssh_that_never_logs_in_is_given_up() {
    let Some(sshd) = Sshd::start() else { return };
    let db = db("ssh_silent");
    sshd.program("echo 'a banner' >&2; exec sleep 74.4");
    let mut command = sshd.pgkit(&db);
    command.args(["relations", "-w"]).env("PGCONNECT_TIMEOUT", "2");
    let begun = std::time::Instant::now();
    let output = run(&mut command);
    assert_eq!(output.code, Some(69), "{}", output.snapshot());
    assert!(output.stderr.contains("ssh to bastion failed: a banner"), "{}", output.snapshot());
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}

#[test]
fn helpers_open_tunnels_of_their_own() {
    let Some(sshd) = Sshd::start() else { return };
    let server = own_server(&options(bin()));
    let db = database(server.info(), "ssh_helpers");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jobs.toml");
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    let jobs = format!(
        "user = \"{user}\"\n[[job]]\nname = \"program\"\nschedule = \"1d\"\ncommand = [\"true\"]\n[[job]]\nname = \"sql\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n"
    );
    std::fs::write(&file, jobs).unwrap();
    let succeeds = |args: &[&str]| {
        let output = run(sshd.pgkit(&db).args(args));
        assert_eq!(output.code, Some(0), "{args:?}: {}", output.snapshot());
        output
    };
    succeeds(&["jobs", "init"]);
    let before = sshd.logins();
    succeeds(&["jobs", "--file", file.to_str().unwrap(), "run"]);
    // The runner's and its guard's, which does not kill its own ssh when it sweeps up after a program.
    assert_eq!(sshd.logins() - before, 2);
    assert_eq!(db.value("SELECT count(*) FROM crontabber WHERE last_success IS NOT NULL"), "2");

    succeeds(&["log", "on", "--for", "10min"]);
    let watcher = || {
        let found = std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let one = entry.file_name().to_str()?.parse().ok()?;
            let line = String::from_utf8_lossy(&line).into_owned();
            (line.ends_with("__helper\0watcher\0")).then_some(Pid::from_raw(one))
        });
        found.filter(|watcher| !children(*watcher, "ssh").is_empty())
    };
    eventually("the watcher has a tunnel", || watcher().is_some());
    let tunnel = children(watcher().unwrap(), "ssh")[0];
    assert_eq!(db.value("SHOW log_statement"), "all");
    succeeds(&["log", "off"]);
    eventually("the watcher and its tunnel end", || has_ended(tunnel));
    assert_eq!(db.value("SHOW log_statement"), "none");

    let snapshot = folder.path().join("s.snap");
    let snapshot = snapshot.to_str().unwrap();
    succeeds(&["snapshot", "-o", snapshot]);
    // Its own localhost is another machine's.
    let shown = run(bare_pgkit().args(["snapshot", "show", snapshot]));
    assert!(shown.snapshot().contains("bastion"), "{}", shown.snapshot());
    let victim = db.session();
    let backend = victim.pid();
    let victim = victim.send("SELECT pg_sleep(75.5)");
    eventually("the statement runs", || runs(&db, "pg_sleep(75.5)"));
    succeeds(&["locks", "cancel", &backend.to_string(), "--yes"]);
    assert!(victim.join().unwrap().is_err());
    sshd.has_left_nothing();
}
