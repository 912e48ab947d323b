//! The peer: what one job costs the server, played by pgbench: the same statements, from the files that pgkit sends, as a
//! client sends them that waits for the answer before it decides.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::support::{self, Db};

/// The text of a statement in schema public, with these for its parameters.
fn filled(file: &str, values: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/jobs").join(file);
    let text = support::jobs::statement(&path, "public");
    let text: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let text = text.join(" ");
    let value = |value: &&str| match VALUES.iter().find(|(name, ..)| value.strip_prefix(':') == Some(name)) {
        Some((_, kind, _)) => format!("({value})::{kind}"),
        None => (*value).to_owned(),
    };
    let values: Vec<String> = values.iter().map(value).collect();
    pgkit::sql::fill(&text, &values)
}

/// What stands for the values that pgkit sends as parameters, and so does pgbench: names, types, values.
const VALUES: [(&str, &str, &str); 14] = [
    ("no", "bool", "f"),
    ("yes", "bool", "t"),
    ("zero", "int8", "0"),
    ("token", "timestamptz", "2026-01-01 00:00:00+00"),
    ("mark", "text", "a mark"),
    ("none", "text[]", "{}"),
    ("grace", "interval", "11.5 s"),
    ("host", "text", "a host"),
    ("took", "interval", "1 ms"),
    ("age", "text", "43200"),
    ("zone", "text", "UTC"),
    ("path", "text", "\"$user\", public"),
    ("plan", "text", "auto"),
    ("wait", "text", "10s"),
];

/// What the jobs do.
#[derive(Clone, Copy, PartialEq)]
pub enum Work {
    /// One statement, in a transaction with its record. As for pgkit the claim is flushed with that.
    Sql,
    /// A program, of which pgbench plays only the claim and the record.
    Program,
}

/// One job's cycle as a script of pgbench: claim, work, record.
fn script(work: Work, pipelined: bool) -> String {
    let (job, run) = ("('b' || :id)::text", "(SELECT currval('public.pgkit_run_id_seq'))");
    let null = "NULL::text";
    let finish = [
        job,
        ":mark",
        run,
        ":token",
        ":token",
        ":token",
        ":no",
        null,
        null,
        null,
        ":none",
        ":took",
        ":zero",
        null,
        null,
        "'succeeded'",
        ":yes",
        ":yes",
    ];
    let claim = [
        job, ":token", ":token", ":grace", ":host", ":host", ":host", ":zero", ":zero", ":none", ":no",
        ":zero", ":mark", ":zero",
    ];
    let own = |text: &str| text.to_owned();
    let decide = vec![
        own("BEGIN"),
        filled("lock.sql", &[":id"]),
        filled("lock_row.sql", &[job, ":age"]),
        filled("decision_inputs.sql", &[job, ":none", ":no", "NULL::timestamptz"]),
    ];
    let claim = filled("claim.sql", &claim);
    let (finish, unlock) = (filled("finish.sql", &finish), filled("unlock_all.sql", &[]));
    let trips = match work {
        Work::Sql => vec![
            decide,
            vec![claim, own("SET LOCAL synchronous_commit = off"), own("COMMIT")],
            vec![
                own("BEGIN"),
                filled("job_session.sql", &[":zone", ":yes", ":path", ":plan", null]),
                own("SELECT 1"),
                own("SET CONSTRAINTS ALL IMMEDIATE"),
            ],
            vec![
                own("RESET SESSION AUTHORIZATION"),
                own("RESET ROLE"),
                own("RESET ALL"),
                own("SET search_path = pg_catalog, pg_temp"),
                filled("session_setup.sql", &[]),
                filled("lock_timeout.sql", &[":wait"]),
                finish,
                own("COMMIT"),
                unlock,
                own("DISCARD TEMP"),
                own("UNLISTEN *"),
                own("CLOSE ALL"),
                filled("prepared.sql", &[]),
            ],
        ],
        Work::Program => {
            vec![decide, vec![claim, own("COMMIT")], vec![own("BEGIN"), finish, own("COMMIT"), unlock]]
        }
    };
    let mut script = "\\set id random(1, 2000000000)\n".to_owned();
    for trip in trips {
        let lines: String = trip.iter().map(|statement| format!("{};\n", statement.trim())).collect();
        script += &if pipelined { format!("\\startpipeline\n{lines}\\endpipeline\n") } else { lines };
    }
    script
}

/// How pgbench runs the cycles.
#[derive(Clone, Copy, PartialEq)]
pub enum How {
    /// It sends several statements per round trip, as pgkit does, which it can do from version 14 on. The time that it takes to
    /// start and to connect is not counted.
    Piped,
    /// The same, for as many cycles as there are jobs. The time that it takes to start and to connect is counted, as it is for
    /// pgkit.
    FromStart,
    /// It sends the statements one by one. The time that it takes to start and to connect is not counted.
    Singly,
}

/// Runs the cycles of jobs in pgbench.
pub struct Peer<'a> {
    pub pgbench: &'a Path,
    /// The version of the server.
    pub major: u32,
    pub work: Work,
    pub clients: usize,
}

impl Peer<'_> {
    /// Returns how many cycles a second it runs. If its start counts, it runs as many as there are jobs.
    pub fn rate(&self, db: &Db, how: How, jobs: usize) -> f64 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cycle.sql");
        std::fs::write(&file, script(self.work, how != How::Singly && self.major >= 14)).unwrap();
        let mut command = Command::new(self.pgbench);
        command.args([
            "-n",
            "-M",
            "prepared",
            "-c",
            &self.clients.to_string(),
            "-j",
            &self.clients.min(2).to_string(),
        ]);
        let each = jobs / self.clients;
        match how {
            How::FromStart => command.args(["-t", &each.to_string()]),
            How::Piped | How::Singly => command.args(["-T", "2"]),
        };
        command.arg("-f").arg(&file);
        command.args(VALUES.iter().flat_map(|(name, _, value)| ["-D".to_owned(), format!("{name}={value}")]));
        let start = Instant::now();
        let output = support::run(command.envs(db.info.env()).env("PGDATABASE", &db.name));
        let took = start.elapsed().as_secs_f64();
        let told = output
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        let rate = told.unwrap_or_else(|| panic!("{}", output.snapshot()));
        if how == How::FromStart { (each * self.clients) as f64 / took } else { rate }
    }
}
