//! The fifteen public cases of the original crontabber, played by pgkit: `cases.json` is the original's own data, written
//! down from runs of the untouched program, and this is its one interpreter. Every case is played with jobs of both kinds,
//! SQL and programs, on every server that the tests know.
//!
//! | case | how | what is different here |
//! | --- | --- | --- |
//! | P01 | ported | |
//! | P02 | ported | |
//! | P03 | ported | |
//! | P04 | ported | |
//! | P05 | mapped | `error_retry_time=100` is `retry_after = "100s"`; ValueError |
//! | P06 | mapped | RuntimeError |
//! | P07 | mapped | its separators and comments are the INI file's, and not applicable: TOML has its own. The interpreter splits the list as the original does and makes a table of each job, a TOML comment of the comment. The order in which jobs run is ported |
//! | P08 | mapped | ValueError |
//! | P09 | ported | |
//! | P10 | ported | |
//! | P11 | mapped | ValueError |
//! | P12 | ported | with `--stop-when-ongoing`; without it pgkit goes on past the busy job, which is tested too |
//! | P13 | ported | with `--stop-when-ongoing` and without it |
//! | P14 | mapped | ValueError; `--job=X` is `jobs run X`, `--reset-job=X` is `jobs reset X`, and a class's name its job's; exit code 1 for an unknown job is the original's own (a traceback): pgkit has 64 for it |
//! | P15 | mapped | `--nagios` to the letter; the heading of `--audit-ghosts` is not applicable: `jobs ghosts` prints a row a ghost |
//!
//! In all of them the Python classes are jobs of a TOML file, in the order of the original's list. Python's error types
//! (ValueError, RuntimeError) are `SQLSTATE P0001` of a SQL job and `exit status 1` of a program. A run without options is
//! `jobs run --ignore-failures --stop-when-ongoing`. Skipped, as the notation says: P03, P04 and P05 in the minutes around
//! midnight UTC, where their time of day would lie on another day.

use std::collections::BTreeMap;
use std::fmt::Write;

use pgkit::sandbox::Binaries;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fixture::told_whom;
use super::{TABLES, file};
use crate::support::*;

/// What jobs of either kind leave their traces in, and what SQL jobs call. `nth` counts the calls of one process: a
/// sequence, for it keeps what a failing job rolls back. `us` gives microseconds, which compare exactly.
const FIXTURES: &str = "
CREATE TABLE calls (id serial, app_name text, arg text, pid int, at timestamptz DEFAULT clock_timestamp());
CREATE SEQUENCE nth;
CREATE FUNCTION us(timestamptz) RETURNS int8 LANGUAGE sql
    AS 'SELECT (extract(epoch FROM $1) * 1000000)::int8';
CREATE FUNCTION fixture(class text, job text, run_date timestamptz, env json) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    n text;
    message text;
BEGIN
    INSERT INTO calls (app_name, arg, pid) VALUES (job, run_date::text, pg_backend_pid())
    RETURNING nextval('nth') INTO n;
    IF class = 'Slow' OR class = 'Bf' AND n = env ->> 'PJ_SLEEP_AT' THEN
        PERFORM pg_sleep((env ->> 'PJ_SLEEP')::float8);
    END IF;
    message := CASE
        WHEN class IN ('Fail', 'Fail2') THEN 'boom'
        WHEN class = 'BfFail' THEN 'bf boom'
        WHEN class = 'Flaky' THEN env ->> 'PJ_FAIL'
        WHEN class = 'Bf' AND n = env ->> 'PJ_FAIL_AT' THEN 'bad date' END;
    IF message IS NOT NULL THEN
        RAISE EXCEPTION '%', message;
    END IF;
END $$";

/// The same as a program. Its argument is the class; it gets PSQL, PG* and PJ_* by the environment. No braces: pgkit puts
/// the date where `{date}` stands.
const SCRIPT: &str = r#"case $1 in Bf*) arg="'$PGKIT_RUN_DATE'" ;; *) arg=NULL ;; esac
n=$("$PSQL" -X -q -A -t -c "INSERT INTO calls (app_name, arg, pid) VALUES ('$PGKIT_JOB', $arg, $$) RETURNING nextval('nth')") || exit 70
fail=
case $1 in
Fail | Fail2) fail=boom ;;
BfFail) fail='bf boom' ;;
Flaky) fail=$PJ_FAIL ;;
Slow) sleep "$PJ_SLEEP" ;;
Bf)
    if [ "$n" = "$PJ_SLEEP_AT" ]; then sleep "$PJ_SLEEP"; fi
    if [ "$n" = "$PJ_FAIL_AT" ]; then fail='bad date'; fi
    ;;
esac
if [ -n "$fail" ]; then
    echo "about to fail" >&2
    echo "$fail" >&2
    exit 1
fi
"#;

const STATE: &str = "SELECT app_name, us(next_run) AS next_run, us(first_run) AS first_run, us(last_run) AS last_run,
    us(last_success) AS last_success, us(ongoing) AS ongoing, error_count, depends_on::text AS depends_on, last_error
    FROM crontabber ORDER BY app_name COLLATE \"C\"";
const LOG: &str = "SELECT app_name, us(success) AS success, exc_type, exc_value, exc_traceback,
    (extract(epoch FROM duration) * 1000000)::int8 AS duration FROM crontabber_log ORDER BY id";
const CALLS: &str = "SELECT app_name, us(arg::timestamptz) AS arg FROM calls ORDER BY id";

/// How the original ends a run at the first busy job.
const AS_THE_ORIGINAL: &[&str] = &["--stop-when-ongoing"];

/// A case, as far as it is played.
#[derive(Deserialize)]
struct Case {
    id: String,
    title: String,
    /// Lines of the original's list of jobs.
    jobs: Vec<String>,
    /// An option of the original's, or nothing.
    options: String,
    /// What {HM} is: so many minutes from now.
    hm_offset_minutes: Option<i64>,
    before_sql: String,
    steps: Vec<Step>,
    after_state: Vec<Value>,
    after_log: Vec<Value>,
    calls: Vec<Value>,
}

/// One process. A key that is not known here would be a condition that is not tested.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// Statements before it.
    pre: Option<String>,
    /// A lock that another session holds meanwhile.
    hold: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    args: Vec<String>,
    rc: i32,
    /// All of stdout.
    out: Option<String>,
    /// How many seconds the job takes at least.
    #[serde(default)]
    dur: i64,
    /// The state after this step.
    mid: Option<Vec<Value>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sql,
    Program,
}

/// The case of this number.
fn case(id: &str) -> Case {
    let all: Vec<Case> = serde_json::from_str(include_str!("cases.json")).unwrap();
    all.into_iter().find(|case| case.id == id).unwrap()
}

/// Parents of the original's fixtures.
fn depends_on(class: &str) -> &'static [&'static str] {
    match class {
        "Aaa" => &["zzz"],
        "Bar" => &["foo"],
        "FooBar" => &["foo", "bar"],
        "OnFail" => &["fail"],
        "OnGhost" => &["ghost"],
        _ => &[],
    }
}

impl Case {
    /// Plays it with both kinds of jobs on every server; `flags` are those of a run without options.
    fn play(&self, flags: &[&str]) {
        for bin in bins() {
            for kind in [Kind::Sql, Kind::Program] {
                self.play_one(flags, bin, kind);
            }
        }
    }

    fn play_one(&self, flags: &[&str], bin: &Binaries, kind: Kind) {
        let name = format!("case_{}_{kind:?}", self.id).to_lowercase();
        let db = database(server(bin).info(), &name);
        db.sql(&format!("ALTER DATABASE \"{}\" SET timezone TO 'UTC'", db.name));
        db.sql(TABLES);
        db.sql(FIXTURES);
        let init = run(pgkit(&db).args(["jobs", "init"]));
        assert_eq!(init.code, Some(0), "{}", init.snapshot());
        let (hm, hm_us) = match self.hm_offset_minutes.map(|minutes| time_of_day(&db, minutes)) {
            None => (String::new(), 0),
            Some(Some(hm)) => hm,
            // It would lie on another day than the run: the notation says skip.
            Some(None) => return,
        };
        db.sql(&self.before_sql);
        let before = rows(&db, STATE);
        let now = || db.value("SELECT us(clock_timestamp())").parse::<i64>().unwrap();
        let mut last = None;
        for (i, step) in self.steps.iter().enumerate() {
            let place = format!(
                "{} ({}) with {kind:?} jobs and {flags:?} on {}, step {}",
                self.id,
                self.title,
                bin.major,
                i + 1
            );
            db.sql(step.pre.as_deref().unwrap_or_default());
            db.sql("ALTER SEQUENCE nth RESTART");
            let file = file(&told_whom(&self.jobs_file(kind, &step.env, &hm)));
            let (words, code) = step.command(flags);
            let holder = step.hold.as_ref().map(|lock| {
                let session = db.session();
                session.sql(&format!("BEGIN; {lock}"));
                session
            });
            let t0 = now();
            let output = run(pgkit(&db)
                .env("PGKIT_JOBS", file.path())
                .env("PSQL", psql_path())
                .envs(&step.env)
                .arg("jobs")
                .args(&words));
            // The job was started before it took its time.
            let t1 = now() - step.dur * 1_000_000;
            if let Some(session) = holder {
                session.sql("ROLLBACK");
            }
            assert_eq!(output.code, Some(code), "{place}: {words:?}\n{}", output.snapshot());
            step.check_output(&output, &place);
            let notation = Notation { place, kind, before: &before, hm: hm_us, t0, t1 };
            if let Some(mid) = &step.mid {
                notation
                    .compare("state after this step", mid, &rows(&db, STATE), |w, g| notation.state(w, g));
            }
            last = Some((notation, step.dur));
        }
        let (notation, dur) = last.unwrap();
        notation.compare("state", &self.after_state, &rows(&db, STATE), |w, g| notation.state(w, g));
        notation.compare("log", &self.after_log, &rows(&db, LOG), |w, g| notation.log(w, g, dur));
        notation.compare("calls", &self.calls(kind), &rows(&db, CALLS), |w, g| notation.call(w, g));
    }

    /// The jobs file: the original's list as TOML. What the original's classes read from the environment when they run is
    /// written into the statements of SQL jobs.
    fn jobs_file(&self, kind: Kind, env: &BTreeMap<String, String>, hm: &str) -> String {
        let mut text = match self.options.split_once('=') {
            None => String::new(),
            Some(("error_retry_time", seconds)) => format!("[defaults]\nretry_after = \"{seconds}s\"\n\n"),
            Some((option, _)) => panic!("{option} is not mapped"),
        };
        let passed: Vec<&str> = env.keys().map(String::as_str).chain(["PSQL"]).collect();
        let env = json!(env).to_string().replace('\'', "''");
        for entry in self.jobs.join("\n").split(['\n', ',', ';']).map(str::trim) {
            if entry.is_empty() {
                continue;
            }
            if entry.starts_with('#') {
                writeln!(text, "{entry}").unwrap();
                continue;
            }
            let (class, schedule) = entry.split_once('|').unwrap();
            let (name, backfill) = (class.to_lowercase(), class.starts_with("Bf"));
            let date = if backfill { "$1" } else { "NULL" };
            // Lists and texts of JSON are also TOML's.
            let work = match kind {
                Kind::Sql => {
                    let call = format!("SELECT fixture('{class}', '{name}', {date}, '{env}')");
                    format!("sql = {}", json!(call))
                }
                Kind::Program => format!(
                    "command = {}\npass_environment = {}",
                    json!(["sh", "-c", SCRIPT, "sh", class]),
                    json!(passed)
                ),
            };
            writeln!(
                text,
                "[[job]]\nname = \"{name}\"\nschedule = \"{}\"\nclass = \"jobs.{class}\"\ndepends_on = {}\n\
                 backfill = {backfill}\n{work}\n",
                schedule.replace("{HM}", hm),
                json!(depends_on(class)),
            )
            .unwrap();
        }
        text
    }

    /// The calls that are there in the end. The original's jobs write them on connections of their own; a SQL job writes
    /// them in the transaction of its work, so those of failed attempts are gone with it.
    fn calls(&self, kind: Kind) -> Vec<Value> {
        // Every call left one row in the log, in the same order: it says which failed.
        assert_eq!(self.calls.len(), self.after_log.len());
        let both = self.calls.iter().zip(&self.after_log);
        let kept = both.filter(|(_, log)| kind == Kind::Program || !log["success"].is_null());
        kept.map(|(call, _)| call.clone()).collect()
    }
}

impl Step {
    /// pgkit's words for the original's, and its exit code.
    fn command(&self, flags: &[&str]) -> (Vec<String>, i32) {
        let first = self.args.first().map_or("", String::as_str);
        let (option, name) = first.split_once('=').unwrap_or((first, ""));
        // A class or an app_name, which differ in their capitals only.
        let name = name.to_lowercase();
        let mut words = match option {
            "" => vec!["run", "--ignore-failures"],
            "--job" => vec!["run", name.as_str(), "--ignore-failures"],
            "--reset-job" => vec!["reset", name.as_str()],
            "--nagios" => vec!["status", "--nagios"],
            "--audit-ghosts" => vec!["ghosts"],
            other => panic!("{other} is not mapped"),
        };
        if option.is_empty() {
            words.extend_from_slice(flags);
        }
        for arg in self.args.iter().skip(1) {
            assert_eq!(arg, "--force", "not mapped");
            words.push("--force");
        }
        // A job that nobody knows is a traceback there, and wrong usage here.
        let is_unknown = self.rc == 1 && matches!(option, "--job" | "--reset-job");
        let words = words.into_iter().map(str::to_owned).collect();
        (words, if is_unknown { 64 } else { self.rc })
    }

    fn check_output(&self, output: &Output, place: &str) {
        let Some(wanted) = &self.out else { return };
        if self.args == ["--audit-ghosts"] {
            // Below a heading the original indents each name.
            let wanted: Vec<&str> = wanted.lines().filter_map(|line| line.strip_prefix('\t')).collect();
            let first = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
            let found: Vec<String> = output.stdout.lines().map(first).collect();
            assert_eq!(found, wanted, "{place}: {}", output.snapshot());
        } else {
            assert_eq!(&output.stdout, wanted, "{place}: {}", output.snapshot());
        }
    }
}

/// {HM} and that instant of today in microseconds, by the server's clock; `None` where that is not the day on which the
/// case will run.
fn time_of_day(db: &Db, minutes: i64) -> Option<(String, i64)> {
    let rows = db.sql(&format!(
        "SELECT to_char(hm, 'HH24:MI'), us(hm),
                t::date = hm::date AND t::date = (t + interval '1 min')::date AS is_one_day
         FROM (SELECT t, date_trunc('minute', t + interval '{minutes} min') AS hm
               FROM (SELECT clock_timestamp() AS t) clock) times"
    ));
    let [Some(hm), Some(us), Some(is_one_day)] = rows[0].as_slice() else { panic!("{rows:?}") };
    (is_one_day == "t").then(|| (hm.clone(), us.parse().unwrap()))
}

/// The rows of a query, as JSON.
fn rows(db: &Db, query: &str) -> Vec<Value> {
    let rows = db.sql(&format!("SELECT row_to_json(r) FROM ({query}) r"));
    rows.iter().map(|row| serde_json::from_str(row[0].as_deref().unwrap()).unwrap()).collect()
}

/// What the texts of the expectations stand for after one step. Instants are in microseconds, by the server's clock.
struct Notation<'a> {
    /// Where we are, for whoever reads of a failure.
    place: String,
    kind: Kind,
    /// The state before the case.
    before: &'a [Value],
    hm: i64,
    t0: i64,
    t1: i64,
}

impl Notation<'_> {
    /// Compares tables, which hold exactly these rows.
    fn compare(&self, what: &str, wanted: &[Value], found: &[Value], fits: impl Fn(&Value, &Value) -> bool) {
        let same = wanted.len() == found.len() && wanted.iter().zip(found).all(|(w, f)| fits(w, f));
        let lines = |rows: &[Value]| rows.iter().map(|row| format!("\n  {row}")).collect::<String>();
        assert!(
            same,
            "{}: {what}\nwanted:{}\nfound:{}\nbefore:{}\nT0 {} T1 {} HM {}",
            self.place,
            lines(wanted),
            lines(found),
            lines(self.before),
            self.t0,
            self.t1,
            self.hm
        );
    }

    /// A row of crontabber: every column that is named.
    fn state(&self, wanted: &Value, found: &Value) -> bool {
        let name = wanted["app_name"].as_str().unwrap();
        wanted.as_object().unwrap().iter().all(|(column, wanted)| match column.as_str() {
            "app_name" | "error_count" | "depends_on" => found[column] == *wanted,
            "last_error" => self.last_error(wanted.as_str().unwrap(), &found[column]),
            _ => self.instant(wanted.as_str().unwrap(), name, column, found[column].as_i64()),
        })
    }

    /// A row of crontabber_log: a success with nothing of an error, or an error with no success.
    fn log(&self, wanted: &Value, found: &Value, dur: i64) -> bool {
        let name = wanted["app_name"].as_str().unwrap();
        let error = [&found["exc_type"], &found["exc_value"], &found["exc_traceback"]];
        let fits = match wanted["success"].as_str() {
            Some(wanted) => {
                self.instant(wanted, name, "success", found["success"].as_i64())
                    && found["success"].is_i64()
                    && error.iter().all(|part| part.is_null())
            }
            None => {
                found["success"].is_null()
                    && self.failure(wanted["exc_value_contains"].as_str().unwrap(), error)
            }
        };
        fits && found["app_name"] == name && found["duration"].as_i64().is_some_and(|d| d >= dur * 1_000_000)
    }

    /// A call: its job, and the date that a backfill job was handed.
    fn call(&self, wanted: &Value, found: &Value) -> bool {
        let name = wanted["app_name"].as_str().unwrap();
        let arg = wanted["arg"].as_str().unwrap_or("NULL");
        found["app_name"] == name && self.instant(arg, name, "arg", found["arg"].as_i64())
    }

    /// `{}` or `ERR(T|v)`.
    fn last_error(&self, wanted: &str, found: &Value) -> bool {
        match wanted {
            "~" => true,
            "{}" => *found == json!({}),
            _ => {
                let inner = wanted.strip_prefix("ERR(").and_then(|rest| rest.strip_suffix(')'));
                let (_, value) = inner.and_then(|inner| inner.split_once('|')).unwrap();
                // Exactly these keys: crontabber's own --nagios breaks without them.
                found.as_object().is_some_and(|keys| keys.len() == 3)
                    && self.failure(value, [&found["type"], &found["value"], &found["traceback"]])
            }
        }
    }

    /// A failure as jobs of this kind leave it: Python's type has no counterpart, the message has.
    fn failure(&self, wanted: &str, [kind, value, traceback]: [&Value; 3]) -> bool {
        let Some(value) = value.as_str() else { return false };
        let fits = match self.kind {
            Kind::Sql => *kind == "SQLSTATE P0001" && value.contains(wanted),
            // The last line of stderr, and nothing of those before it.
            Kind::Program => *kind == "exit status 1" && value == wanted,
        };
        fits && traceback.as_str().is_some_and(|text| !text.trim().is_empty())
    }

    /// Is the instant in this column of this job's row the one that the text names?
    fn instant(&self, wanted: &str, name: &str, column: &str, found: Option<i64>) -> bool {
        let (base, plus) = wanted.split_once('+').unwrap_or((wanted, "0"));
        let plus = match plus.strip_suffix('d') {
            Some(days) => days.parse::<i64>().unwrap() * 86_400,
            None => plus.parse().unwrap(),
        } * 1_000_000;
        match base {
            "~" | "ANY" => true,
            "NULL" => found.is_none(),
            "=" => found == self.before(name, column),
            "HM" => found == Some(self.hm + plus),
            "START" | "RUN" => found.is_some_and(|t| (self.t0..=self.t1).contains(&(t - plus))),
            _ => {
                let column = base.strip_prefix("B.").unwrap_or_else(|| panic!("what is {wanted}?"));
                let before = self.before(name, column);
                before.is_some() && found == before.map(|t| t + plus)
            }
        }
    }

    /// A column of a job's row before the case.
    fn before(&self, name: &str, column: &str) -> Option<i64> {
        let row = self.before.iter().find(|row| row["app_name"] == name);
        row.unwrap_or_else(|| panic!("{}: {name} had no row before", self.place))[column].as_i64()
    }
}

#[test]
fn p01_first_run_of_a_job_with_no_state_row() {
    case("P01").play(AS_THE_ORIGINAL);
}

#[test]
fn p02_a_job_that_is_not_due() {
    case("P02").play(AS_THE_ORIGINAL);
}

#[test]
fn p03_time_of_day_not_reached_on_the_first_run() {
    case("P03").play(AS_THE_ORIGINAL);
}

#[test]
fn p04_time_of_day_reached_and_a_time_alone_means_daily() {
    case("P04").play(AS_THE_ORIGINAL);
}

#[test]
fn p05_first_run_fails_and_is_retried_after_the_retry_time() {
    case("P05").play(AS_THE_ORIGINAL);
}

#[test]
fn p06_failure_failure_recovery() {
    case("P06").play(AS_THE_ORIGINAL);
}

#[test]
fn p07_separators_comments_order() {
    case("P07").play(AS_THE_ORIGINAL);
}

#[test]
fn p08_a_parent_fails_its_dependent_is_skipped_others_run() {
    case("P08").play(AS_THE_ORIGINAL);
}

#[test]
fn p09_the_three_dependency_conditions_one_after_the_other() {
    case("P09").play(AS_THE_ORIGINAL);
}

#[test]
fn p10_backfill_of_three_missed_days() {
    case("P10").play(AS_THE_ORIGINAL);
}

#[test]
fn p11_backfill_fails_in_the_middle_then_is_retried() {
    case("P11").play(AS_THE_ORIGINAL);
}

#[test]
fn p12_a_job_is_ongoing_elsewhere() {
    let mut case = case("P12");
    case.play(AS_THE_ORIGINAL);
    // By itself pgkit goes on past the busy job: c runs as a did, and the exit code is still 3.
    for list in [&mut case.after_state, &mut case.after_log, &mut case.calls] {
        let mut c = list[0].clone();
        c["app_name"] = json!("c");
        list.push(c);
    }
    case.play(&[]);
}

#[test]
fn p13_the_row_is_locked_by_another_session() {
    let case = case("P13");
    case.play(AS_THE_ORIGINAL);
    case.play(&[]);
}

#[test]
fn p14_job_force_and_reset_job() {
    case("P14").play(AS_THE_ORIGINAL);
}

#[test]
fn p15_nagios_and_audit_ghosts() {
    case("P15").play(AS_THE_ORIGINAL);
}
