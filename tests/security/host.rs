//! What other users of the host can learn about pgkit, and what they can put in its way.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::*;

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The arguments of a process and its children, and the environment of its children, as shown in /proc.
fn seen(pid: u32) -> (String, String) {
    let read = |pid: u32, name: &str| {
        String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default())
            .into_owned()
    };
    let children = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let child: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).ok()?;
        let parent: u32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        (parent == pid).then_some(child)
    });
    let mut args = read(pid, "cmdline");
    let mut environment = String::new();
    for child in children {
        args.push_str(&read(child, "cmdline"));
        environment.push_str(&read(child, "environ"));
    }
    (args, environment)
}

#[test]
fn a_password_on_the_command_line_is_gone_from_it_at_once() {
    let db = Db::existing(server(bin()).info(), "postgres");
    let (host, port, user) = (db.info.socket_dir.display().to_string(), db.info.port, &db.info.user);
    let encoded = host.replace('/', "%2F");
    for dbname in [
        format!("postgresql://{user}:secretword@{encoded}:{port}/postgres"),
        format!("host={host} port={port} user={user} dbname=postgres password=secretword"),
        format!("postgresql://{encoded}:{port}/postgres?user={user}&password=secretword"),
    ] {
        for args in [
            vec!["-d".to_owned(), dbname.clone()],
            vec![format!("--dbname={dbname}")],
            vec![format!("-d{dbname}")],
        ] {
            let mut command = bare_pgkit();
            command.arg("relations").args(&args).args(["--watch", "0.2", "--system"]);
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            // Its first output shows that it has connected with the password. By now the process list must not show
            // the password any more.
            let mut first = [0; 1];
            std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
            let (shown, _) = seen(child.id());
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(shown.contains("relations") && shown.contains("postgres"), "{shown}");
            assert!(!shown.contains("secretword"), "{shown}");
        }
    }
}

#[test]
fn no_core_file_is_left() {
    // A server that never answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut command = bare_pgkit();
    command.args(["relations", "-h", "127.0.0.1", "-p", &port]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let _held = listener.accept().unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert!(matches!(core.split_whitespace().nth(4), Some("0" | "1")), "{core}");
}

/// The result of running a program as a job.
struct Ran {
    folder: tempfile::TempDir,
    /// How `jobs run` ended.
    output: Output,
    /// What the program printed.
    printed: String,
}

/// Runs a command line as a job, with a password and other secrets in pgkit's environment.
fn program(name: &str, top: &str, job: &str, command_line: &str) -> Ran {
    let db = database(server(bin()).info(), name);
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let toml =
        format!("{top}\n[[job]]\nname = \"j\"\nevery = \"1d\"\n{job}\ncommand = '''{command_line}'''\n");
    std::fs::write(folder.path().join("jobs.toml"), toml).unwrap();
    let dressed = |args: &[&str]| {
        let mut command = pgkit(&db);
        command
            .current_dir(folder.path())
            .env("XDG_STATE_HOME", folder.path())
            .env("PGPASSWORD", "secretword");
        command
            .env("AWS_SECRET_ACCESS_KEY", "secretkey")
            .env("EXTRA", "extra")
            .env("LD_DEBUG", "")
            .args(args);
        command
    };
    assert_eq!(run(&mut dressed(&["jobs", "init"])).code, Some(0));
    // A careless parent process: its umask makes files writable by everybody, and it leaves a descriptor open.
    let secret = folder.path().join("open");
    std::fs::write(&secret, "secret").unwrap();
    let mut shell = Command::new("/bin/sh");
    let inner = dressed(&["jobs", "run", "--force", "j"]);
    shell.arg("-c").arg("umask 000; exec 9<open; exec \"$0\" jobs run --force j").arg(PGKIT);
    shell.current_dir(folder.path());
    shell.env_clear();
    for (key, value) in inner.get_envs() {
        if let Some(value) = value {
            shell.env(key, value);
        }
    }
    let output = run(&mut shell);
    let printed = run(&mut dressed(&["jobs", "history", "--output", "--columns", "printed"])).stdout;
    Ran { folder, output, printed }
}

fn user() -> &'static str {
    if is_root() { "user = \"root\"" } else { "" }
}

#[test]
fn a_program_inherits_what_is_listed_and_nothing_else() {
    let line = "env -0 > env.out; ls -l /proc/self/fd > fd.out; umask > umask.out; for pid in 1 $PPID; do tr '\\0' '\\n' < /proc/$pid/environ; done > above.out; touch made";
    let Ran { folder, output, .. } = program("inherits", user(), "", line);
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let names: Vec<String> = text("env.out")
        .split('\0')
        .filter_map(|entry| entry.split_once('=').map(|(name, _)| name.to_owned()))
        .collect();
    let listed = [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "TZ",
        "PGHOST",
        "PGPORT",
        "PGUSER",
        "PGDATABASE",
        "PGAPPNAME",
        "PGKIT_JOB",
        "PGKIT_RUN_DATE",
        "PGKIT_ATTEMPT",
        "PGKIT_BACKFILL",
        "PGKIT_CLAIM",
        // Set by the shell itself.
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
    ];
    let others: Vec<&String> =
        names.iter().filter(|name| !listed.contains(&name.as_str()) && !name.starts_with("LC_")).collect();
    assert!(others.is_empty() && names.iter().any(|name| name == "PGHOST"), "{others:?}");
    // The parent's descriptor has not been inherited.
    assert!(!text("fd.out").contains("open"), "{}", text("fd.out"));
    assert_eq!(text("umask.out").trim(), "0022");
    // The program can read the environments of its parent and of init. Both are copies of the guard's, which must have no secrets.
    assert!(
        text("above.out").contains("PATH=") && !text("above.out").contains("secretword"),
        "{}",
        text("above.out")
    );
    let made = std::fs::metadata(folder.path().join("made")).unwrap();
    assert_eq!(made.permissions().mode() & 0o777, 0o644);
}

#[test]
fn a_program_gets_what_the_file_asks_for() {
    let job = "pass_environment = [\"PGPASSWORD\", \"EXTRA\", \"UNSET\"]";
    let Ran { folder, output, .. } = program("passes", user(), job, "env > env.out");
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    let text = std::fs::read_to_string(folder.path().join("env.out")).unwrap();
    assert!(text.contains("PGPASSWORD=secretword\n") && text.contains("EXTRA=extra\n"), "{text}");
    assert!(!text.contains("secretkey"), "{text}");
}

#[test]
fn roots_runner_is_told_whom_programs_run_as() {
    if !is_root() {
        let Ran { output, .. } = program("whom", "user = \"root\"", "", "true");
        assert_eq!(output.code, Some(77), "{}", output.snapshot());
        return;
    }
    let Ran { output, .. } = program("whom", "", "", "true");
    assert_eq!(output.code, Some(65), "{}", output.snapshot());
    assert!(output.stderr.contains("user = "), "{}", output.snapshot());
    let Ran { output, .. } = program("whom_none", "user = \"no_such_user\"", "", "true");
    assert_eq!(output.code, Some(65), "{}", output.snapshot());
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let line = "id -u; id -g; id -G; echo $HOME $USER $LOGNAME; grep CapEff /proc/self/status";
    let Ran { output, printed, .. } = program("whom_nobody", "user = \"nobody\"", "", line);
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    let (uid, gid, home) = (nobody.uid, nobody.gid, nobody.dir.display());
    let wanted = format!("{uid}\\n{gid}\\n{gid}\\n{home} nobody nobody\\nCapEff:\\t0000000000000000");
    assert!(printed.starts_with(&wanted), "{printed}");
}

#[test]
fn a_jobs_file_that_others_could_change_is_refused() {
    let top = tempfile::tempdir().unwrap();
    std::fs::set_permissions(top.path(), std::fs::Permissions::from_mode(0o1777)).unwrap();
    let good = top.path().join("good");
    std::fs::create_dir(&good).unwrap();
    std::fs::set_permissions(&good, std::fs::Permissions::from_mode(0o755)).unwrap();
    let file = good.join("jobs.toml");
    std::fs::write(&file, "[[job]]\nname = \"j\"\nevery = \"1d\"\nsql = \"SELECT 1\"\n").unwrap();
    let check = |path: &Path| {
        let output = run(bare_pgkit().args(["jobs", "check", "--file"]).arg(path));
        (output.code, output.stderr)
    };
    assert_eq!(check(&file).0, Some(0));
    let link = top.path().join("link.toml");
    symlink(&file, &link).unwrap();
    assert_eq!(check(&link).0, Some(0));
    // A parent of the file's folder that others may write to.
    let inner = good.join("inner");
    std::fs::create_dir(&inner).unwrap();
    std::fs::copy(&file, inner.join("jobs.toml")).unwrap();
    std::fs::set_permissions(&good, std::fs::Permissions::from_mode(0o777)).unwrap();
    let (code, told) = check(&inner.join("jobs.toml"));
    assert!(code == Some(65) && told.contains("is writable by others"), "{told}");
    std::fs::set_permissions(&good, std::fs::Permissions::from_mode(0o755)).unwrap();
    if is_root() {
        // Another user's link in a folder that everybody may write to.
        std::os::unix::fs::lchown(&link, Some(12345), Some(12345)).unwrap();
        let (code, told) = check(&link);
        assert!(code == Some(65) && told.contains("belongs to neither you nor root"), "{told}");
    }
    let fifo = top.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    let begun = std::time::Instant::now();
    assert_eq!(check(&fifo).0, Some(65));
    assert!(begun.elapsed() < Duration::from_secs(5));
}
