//! The pairs of commands that are compared.

use std::path::Path;
use std::process::Command;

use crate::crowd;
use crate::measure::like;
use crate::support::{self, Db};

/// A command of pgkit and those of others that answer the same question, if there are any.
pub struct Pair {
    pub kind: Kind,
    pub ours: Side,
    pub theirs: Vec<Side>,
    /// A remark on the comparison.
    pub remark: &'static str,
}

impl Pair {
    /// Creates a pair of pgkit and one other.
    fn of(kind: Kind, ours: Side, theirs: Side) -> Pair {
        Pair { kind, ours, theirs: vec![theirs], remark: "" }
    }

    /// Returns all commands, that of pgkit first.
    pub fn sides(&self) -> impl Iterator<Item = &Side> {
        std::iter::once(&self.ours).chain(&self.theirs)
    }
}

/// The kind of a pair, on which its goals depend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Plain,
    /// All sizes, by a scan of the directory.
    Scan,
    Version,
    /// Many rows.
    Stream,
    /// Hundreds of sessions that wait.
    Crowd,
    /// A report beside its peers.
    Report,
}

/// One command.
pub struct Side {
    /// As one would type it.
    pub shown: String,
    pub command: Command,
    /// The highest exit status that is no failure.
    pub accepts: i32,
    /// Whether it answers only a part of the question.
    pub part: bool,
    /// The statement that gives the answer, if it is a single one and known.
    pub statement: Option<Statement>,
}

impl Side {
    /// Creates a side that fails with any exit status but 0.
    pub fn of(shown: String, command: Command) -> Side {
        Side { shown, command, accepts: 0, part: false, statement: None }
    }
}

/// What the server does for a side.
#[derive(Clone)]
pub struct Statement {
    pub user: String,
    /// The transaction and settings before it.
    pub prelude: String,
    pub sql: String,
}

/// Where the contestants run.
pub struct Place<'a> {
    pub db: &'a Db,
    /// The server's major version.
    pub major: u32,
    /// A role that may read every table and is no superuser.
    pub reader: &'a str,
    /// For reports and scripts.
    pub folder: &'a Path,
    /// How many rows are streamed.
    pub rows: u64,
    /// Which of the extensions that reports need are installed on the server.
    pub extensions: &'a [String],
}

impl Place<'_> {
    /// Returns pgkit with the environment that all commands share.
    pub fn command(&self, user: &str) -> Command {
        let mut command = support::pgkit(self.db);
        command.env("PGUSER", user).env("PGKIT_QUERIES", self.folder);
        command
    }

    /// Returns pgkit with these arguments. Its statement is what `--sql` prints.
    fn pgkit(&self, user: &str, line: &str) -> Side {
        let command = || support::with(self.command(user), line.split_whitespace());
        let script = support::run(command().arg("--sql"));
        assert_eq!(script.code, Some(0), "{}", script.snapshot());
        let (prelude, sql) = script.stdout.split_once("\n\n").unwrap();
        let sql = sql.trim_end().trim_end_matches("COMMIT;").trim_end().trim_end_matches(';');
        let statement = Statement { user: user.into(), prelude: prelude.into(), sql: sql.into() };
        let shown = format!("pgkit {line}{}", if user == self.reader { " (unprivileged)" } else { "" });
        Side { statement: Some(statement), ..Side::of(shown, command()) }
    }

    /// Returns pgkit with this line, as a superuser.
    pub fn report(&self, line: &str) -> Side {
        let command = self.command(&self.db.info.user);
        Side::of(format!("pgkit {line}"), support::with(command, line.split_whitespace()))
    }

    /// Returns psql with these arguments, which run this statement.
    fn psql(&self, user: &str, shown: &str, args: &[&str], sql: &str) -> Side {
        let command = support::with(like(&self.command(user), support::psql_path()), args);
        let statement = Statement { user: user.into(), prelude: "BEGIN".into(), sql: sql.into() };
        Side { statement: Some(statement), ..Side::of(format!("psql {shown}"), command) }
    }

    /// Returns psql with a backslash command. Its statement is what `-E` shows.
    fn psql_command(&self, user: &str, line: &str) -> Side {
        let output = support::run(&mut support::with(support::psql(self.db), ["-E", "-c", line]));
        let hidden = output.lines().into_iter().skip_while(|line| !line.contains("*** QUERY ***")).skip(1);
        let sql: Vec<&str> = hidden.take_while(|line| !line.contains("**********")).collect();
        let sql = sql.join("\n");
        self.psql(user, line, &["-XAt", "-c", line], sql.trim_end().trim_end_matches(';'))
    }

    /// A report of the user's own.
    fn own_report(&self, name: &str, columns: &str, sql: &str) {
        let text = format!("-- For the benchmark.\n--\n-- since = 10\n-- columns = [{columns}]\n{sql}\n");
        std::fs::write(self.folder.join(format!("{name}.sql")), text).unwrap();
    }

    /// Returns all pairs but those that need a crowd.
    pub fn pairs(&self) -> Vec<Pair> {
        let (root, reader) = (self.db.info.user.as_str(), self.reader);
        let mut pairs = vec![self.version(), self.one_value(), self.one_row(), self.same_script()];
        for (kind, user, line, theirs) in [
            (Kind::Plain, root, "relations --visible", r"\d"),
            (Kind::Plain, root, "functions --visible", r"\df"),
            (Kind::Scan, root, "sizes", r"\dt+ *.*"),
            (Kind::Plain, root, "sizes", r"\dt+"),
            (Kind::Plain, reader, "sizes", r"\dt+ *.*"),
            (Kind::Plain, reader, "sizes", r"\dt+"),
        ] {
            pairs.push(Pair::of(kind, self.pgkit(user, line), self.psql_command(user, theirs)));
        }
        pairs.extend([root, reader].into_iter().flat_map(|user| self.post(user)));
        let find = self.pgkit(root, "find missing");
        pairs.push(Pair { kind: Kind::Plain, ours: find, theirs: Vec::new(), remark: "" });
        pairs.extend(self.streams());
        pairs
    }

    /// Returns the pair that compares `locks`, to be run while the crowd of `crowd::gather` waits.
    pub fn crowd(&self) -> Pair {
        let root = &self.db.info.user;
        let theirs = self.psql(
            root,
            "-c each one's pg_blocking_pids",
            &["-XAt", "-c", crowd::BLOCKED],
            crowd::BLOCKED,
        );
        Pair::of(Kind::Crowd, self.pgkit(root, "locks"), theirs)
    }

    fn version(&self) -> Pair {
        let side = |program: &str, path: &Path| {
            let command = support::with(like(&self.command(""), path), ["--version"]);
            Side::of(format!("{program} --version"), command)
        };
        let ours = side("pgkit", Path::new(support::PGKIT));
        Pair::of(Kind::Version, ours, side("psql", &support::psql_path()))
    }

    /// What a connection costs.
    fn one_value(&self) -> Pair {
        let (root, sql) = (&self.db.info.user, "SELECT 1 AS one");
        self.own_report("one", r#""one int4""#, sql);
        let theirs = self.psql(root, "-c 'SELECT 1'", &["-XAt", "-c", sql], sql);
        Pair::of(Kind::Plain, self.pgkit(root, "run one"), theirs)
    }

    fn one_row(&self) -> Pair {
        let ours = self.pgkit(&self.db.info.user, "relations app.accounts");
        let Statement { user, sql, .. } = ours.statement.clone().unwrap();
        let theirs = self.psql(&user, "-c the same SQL", &["-XAt", "-c", &sql], &sql);
        Pair::of(Kind::Plain, ours, theirs)
    }

    fn same_script(&self) -> Pair {
        let ours = self.pgkit(&self.db.info.user, "relations");
        let statement = ours.statement.clone().unwrap();
        let Statement { user, prelude, sql } = &statement;
        let file = self.folder.join("relations.psql");
        std::fs::write(&file, format!("{prelude}\n\n{sql};\n\nCOMMIT;\n")).unwrap();
        let args = ["-XAt", "-q", "-f", file.to_str().unwrap()];
        let theirs = self.psql(user, "-f the same script", &args, sql);
        Pair::of(Kind::Plain, ours, Side { statement: Some(statement), ..theirs })
    }

    /// The two queries of the post on the weight of tables, with what makes them run since 12, in all schemas.
    fn post(&self, user: &str) -> [Pair; 2] {
        let size = "pg_relation_size(quote_ident(table_schema) || '.' || quote_ident(table_name))";
        let tables = "from information_schema.tables where table_type = 'BASE TABLE' \
                      and table_schema not in ('pg_catalog', 'information_schema')";
        let weights =
            format!("select table_name, {size}, pg_size_pretty({size}) {tables} order by 2 desc limit 10");
        let lumped = format!(
            "select table_name, total, pg_size_pretty(total) from (\
             select trim(trailing '_0123456789' from table_name) as table_name, sum({size}) as total \
             {tables} group by 1) as agg order by 2 desc limit 10"
        );
        let pair = |line, shown, sql: &str| {
            let theirs = self.psql(user, shown, &["-XAt", "-c", sql], sql);
            Pair::of(Kind::Plain, self.pgkit(user, line), theirs)
        };
        let families = "sizes --group-partitions --measure main --limit 10";
        [
            pair("sizes --measure main --limit 10", "-c the post's weights", &weights),
            pair(families, "-c the post's lumped weights", &lumped),
        ]
    }

    fn streams(&self) -> [Pair; 3] {
        let root = &self.db.info.user;
        let sql = format!(
            "SELECT g::int8 AS id, 'row ' || g AS name,\n\
             timestamptz '2024-01-01 00:00:00+00' + g * interval '1 s' AS made, g / 7::float8 AS share\n\
             FROM (SELECT pg_catalog.generate_series(1, {})) AS s (g)",
            self.rows
        );
        self.own_report("rows", r#""id int8", "name text", "made timestamptz", "share float8""#, &sql);
        [("tsv", "-At"), ("csv", "--csv"), ("jsonl", "-At")].map(|(format, flag)| {
            let theirs = self.psql(root, &format!("{flag} -c the same SQL"), &["-X", flag, "-c", &sql], &sql);
            let ours = self.pgkit(root, &format!("run rows --format {format}"));
            Pair::of(Kind::Stream, ours, theirs)
        })
    }
}
