use super::*;
use crate::jobs::file;
use crate::jobs::plan::{Row, State};
use crate::jobs::timeline::{page, strip};
use jiff::tz::TimeZone;

fn job(name: &str, keys: &str) -> Job {
    let name = serde_json::Value::from(name);
    let text = format!("[[job]]\nname = {name}\nsql = \"SELECT 1\"\n{keys}\n");
    file::parse(&text).jobs.into_iter().next().unwrap()
}

fn t(text: &str) -> Timestamp {
    format!("2026-01-{text}:00Z").parse().unwrap()
}

fn ran(name: &str, date: &str, started: &str, result: &str, seconds: Option<f64>) -> Entry {
    Entry {
        name: name.to_owned(),
        run_date: Some(t(date)),
        started: Some(t(started)),
        duration_s: seconds,
        result: result.to_owned(),
        attempt: Some(1),
        host: Some("db1".to_owned()),
        message: (result == "failed").then(|| "exit status 7: <b>no".to_owned()),
    }
}

fn window() -> Window {
    Window { since: t("05T00:00"), now: t("06T00:00") }
}

#[test]
fn a_date_is_missed_if_nothing_ran_for_it_while_it_was_not_late() {
    let done = |date: &str| ran("j", date, date, "done", Some(1.0));
    let at = |list: &[&str]| list.iter().map(|text| t(text)).collect::<Vec<_>>();
    for (keys, attempts, state, missed_dates) in [
        // Nothing ran before 12:00; patience is 2 h 24 m, and 36 minutes for six hours.
        (
            "every = \"6h\"",
            vec![done("05T12:00"), done("05T18:00")],
            State::default(),
            vec!["05T00:00", "05T06:00"],
        ),
        // A late run of a plain job is for its latest date, and what came before it was missed.
        (
            "every = \"6h\"",
            vec![done("05T00:00"), ran("j", "05T12:00", "05T13:00", "done", None), done("05T18:00")],
            State::default(),
            vec!["05T06:00"],
        ),
        // An attempt that fails is an attempt; so is one whose row says another date.
        (
            "every = \"6h\"",
            vec![
                ran("j", "05T00:00", "05T00:00", "failed", None),
                ran("j", "04T00:00", "05T06:30", "done", None),
                ran("j", "04T00:00", "05T12:40", "done", None),
                done("05T18:00"),
            ],
            State::default(),
            vec!["05T12:00"],
        ),
        // Dates of a backfill job are done one by one, however late.
        (
            "every = \"6h\"\nbackfill = true",
            vec![
                ran("j", "05T00:00", "05T20:00", "done", None),
                ran("j", "05T18:00", "05T20:01", "done", None),
            ],
            State::default(),
            vec!["05T06:00", "05T12:00"],
        ),
        (
            "every = \"6h\"",
            vec![],
            State { done_through: Some(t("05T12:00")), ..State::default() },
            vec!["05T18:00"],
        ),
        (
            "every = \"6h\"",
            vec![],
            State { done: [t("05T12:00"), t("05T06:00"), t("05T00:00")].into(), ..State::default() },
            vec!["05T18:00"],
        ),
        ("every = \"6h\"", vec![], State { paused: true, ..State::default() }, vec![]),
        (
            "every = \"6h\"",
            vec![],
            State { first_seen: Some(t("05T12:00")), ..State::default() },
            vec!["05T18:00"],
        ),
        ("cron = \"0 18 * * *\"", vec![], State::default(), vec!["05T18:00"]),
        // Within patience of now.
        ("cron = \"0 22 * * *\"", vec![], State::default(), vec![]),
        // crontabber's notation: what each run says, and what the row says.
        (
            "schedule = \"3h\"",
            vec![done("05T01:00"), done("05T04:00"), done("05T10:00")],
            State {
                row: Some(Row {
                    next_run: Some(t("05T13:00")),
                    last_run: Some(t("05T10:00")),
                    ..Row::default()
                }),
                ..State::default()
            },
            vec!["05T07:00", "05T13:00"],
        ),
    ] {
        let job = job("j", keys);
        let first_seen = state.first_seen.or(Some(t("01T00:00")));
        let stored = Stored { state: State { first_seen, ..state }, ..Stored::default() };
        let own: Vec<&Entry> = attempts.iter().collect();
        assert_eq!(missed(&job, Some(&stored), &own, window()), at(&missed_dates), "{keys} {attempts:?}");
    }
}

fn day() -> Vec<Entry> {
    let missed = Entry {
        result: "missed".to_owned(),
        started: None,
        attempt: None,
        host: None,
        ..ran("nightly \u{1b}]0;x\u{7}", "05T12:00", "05T12:00", "missed", None)
    };
    vec![
        ran("rollup", "05T00:00", "05T00:00", "done", Some(3600.0 * 6.0)),
        ran("rollup", "05T06:00", "05T12:00", "failed", Some(60.0)),
        ran("rollup", "05T18:00", "05T21:00", "running", None),
        missed,
    ]
}

#[test]
fn a_strip_fits_every_terminal_and_says_the_same_without_colour() {
    let names = [
        "rollup",
        "nightly \u{1b}]0;x\u{7}",
        "an-import-with-a-name-that-is-longer-than-any-terminal-is-wide",
    ];
    let zone = TimeZone::get("Asia/Kolkata").unwrap();
    for width in [20, 40, 60, 80, 200] {
        let plain = strip::draw(&names, &day(), window(), width, false, &zone);
        for line in plain.lines().take(names.len() + 1) {
            assert!(unicode_width::UnicodeWidthStr::width(line) <= width, "{width}: {line:?}");
        }
        assert!(!plain.contains('\u{1b}') && plain.lines().count() == names.len() + 2, "{plain}");
        let colored = strip::draw(&names, &day(), window(), width, true, &zone);
        assert!(colored.contains("\u{1b}[3"), "{colored:?}");
        assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain, "{width}");
    }
    insta::assert_snapshot!(strip::draw(&names[..2], &day(), window(), 40, false, &zone), @r"
    rollup        ███████      ×        ▶▶▶▶
    nightly \x1b…              ○
                         12:00        00:00
    █ done  × failed  ○ missed  ▶ running
    ");
    insta::assert_snapshot!(strip::draw(&names[..2], &day(), window(), 80, false, &TimeZone::UTC), @r"
    rollup               ███████████████              ×                     ▶▶▶▶▶▶▶▶
    nightly \x1b]0;x\x07                              ○
                         00:00  03:00  06:00   09:00  12:00  15:00   18:00  21:00
    █ done  × failed  ○ missed  ▶ running
    ");
    let week = Window { since: t("01T00:00"), ..window() };
    insta::assert_snapshot!(strip::draw(&["rollup"], &day(), week, 60, false, &TimeZone::UTC), @r"
    rollup                                           ████ ×   ▶▶
           01-01     01-02      01-03     01-04      01-05
    █ done  × failed  ○ missed  ▶ running
    ");
}

#[test]
fn the_page_is_one_file_that_runs_nothing_whatever_a_job_is_called() {
    let hostile = "</title><script>alert(1)</script>\"' onload=x \u{202e}";
    let mut entries = day();
    entries.push(ran(hostile, "05T02:00", "05T02:00", "failed", Some(1.0)));
    let page = page::page(&["rollup", hostile], &entries, window(), &TimeZone::UTC);
    for bad in ["<script", "<b>", "\u{202e}", "http://", "https://", "url(", "javascript:", " style=\""] {
        assert!(!page.contains(bad), "{bad}: {page}");
    }
    let policy =
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-";
    for part in [
        policy,
        "prefers-color-scheme:dark",
        "@media print",
        "name=\"viewport\"",
        "attempt 1 on db1",
        "exit status 7: &lt;b&gt;no",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    // Ten thousand short runs are no ten thousand bars.
    let many: Vec<Entry> = (0..10_000)
        .map(|n| Entry {
            started: Some(t("05T00:00") + SignedDuration::from_secs(n * 8)),
            ..ran("rollup", "05T00:00", "05T00:00", "done", Some(1.0))
        })
        .collect();
    let page = page::page(&["rollup"], &many, window(), &TimeZone::UTC);
    assert!(page.matches("<rect").count() < 900 && page.len() < 200_000, "{}", page.len());
}
