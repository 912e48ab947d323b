//! What all the runs say: medians, ratios, and which goals hold.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::measure::Sample;
use crate::pairs::{Kind, Pair, Side};

/// The middle of many values, and of their lower and upper half.
#[derive(Clone, Copy, Serialize)]
pub struct Spread {
    pub median: f64,
    lower_quartile: f64,
    upper_quartile: f64,
}

impl Spread {
    /// Of at least one value.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let place = part * (values.len() - 1) as f64;
            let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        Spread { median: at(0.5), lower_quartile: at(0.25), upper_quartile: at(0.75) }
    }

    fn shown(self) -> String {
        format!("{:.2} ({:.2}–{:.2})", self.median, self.lower_quartile, self.upper_quartile)
    }
}

/// The figures of one side of a pair.
#[derive(Serialize)]
struct Figures {
    command: String,
    lines: u64,
    wall_ms: Spread,
    cpu_ms: Spread,
    peak_mb: f64,
    /// The server's own time for the statement.
    server_ms: Option<f64>,
    /// Wall time beyond that.
    above_ms: Option<f64>,
}

/// A pair's figures; the ratios are pgkit's part of psql's, run by run.
#[derive(Serialize)]
pub struct Outcome {
    pgkit: Figures,
    psql: Option<Figures>,
    wall_ratio: Option<Spread>,
    cpu_ratio: Option<Spread>,
    #[serde(skip)]
    kind: Kind,
}

/// Something wished for, and where it was not reached.
#[derive(Serialize)]
struct Goal {
    goal: String,
    holds: bool,
    missed: Vec<String>,
}

/// Everything.
#[derive(Serialize)]
pub struct Report {
    /// Versions, sizes, rounds.
    setting: String,
    /// What the smallest process shows as its peak.
    least_mb: f64,
    binary_mb: f64,
    pairs: Vec<Outcome>,
    goals: Vec<Goal>,
}

impl Outcome {
    /// `runs` are pgkit's, each beside psql's; `server_time` asks the server what a side's statement takes.
    pub fn new(
        pair: &Pair,
        runs: &[(Sample, Option<Sample>)],
        server_time: &dyn Fn(&Side) -> Option<f64>,
    ) -> Outcome {
        let figures = |side: &Side, samples: Vec<Sample>| {
            let wall_ms = Spread::of(samples.iter().map(|s| s.wall_ms));
            let server_ms = server_time(side);
            Figures {
                command: side.shown.clone(),
                lines: samples[0].lines,
                wall_ms,
                cpu_ms: Spread::of(samples.iter().map(|s| s.cpu_ms)),
                peak_mb: Spread::of(samples.iter().map(|s| s.peak_mb)).median,
                server_ms,
                above_ms: server_ms.map(|server| wall_ms.median - server),
            }
        };
        let both: Vec<(Sample, Sample)> = runs.iter().filter_map(|(a, b)| Some((*a, (*b)?))).collect();
        let ratio = |of: fn(&Sample) -> f64| {
            (!both.is_empty()).then(|| Spread::of(both.iter().map(|(a, b)| of(a) / of(b))))
        };
        let psql = |side| figures(side, both.iter().map(|(_, theirs)| *theirs).collect());
        Outcome {
            pgkit: figures(&pair.ours, runs.iter().map(|(ours, _)| *ours).collect()),
            psql: pair.theirs.as_ref().map(psql),
            wall_ratio: ratio(|s| s.wall_ms),
            cpu_ratio: ratio(|s| s.cpu_ms),
            kind: pair.kind,
        }
    }

    fn row(&self) -> [String; 10] {
        let both = |of: &dyn Fn(&Figures) -> Option<String>| {
            let sides = [Some(&self.pgkit), self.psql.as_ref()].map(|side| side.and_then(of));
            sides.into_iter().flatten().collect::<Vec<_>>().join(" / ")
        };
        let one = |n: f64| Some(format!("{n:.1}"));
        let ratio = |r: Option<Spread>| r.map_or(String::new(), Spread::shown);
        let bare = |f: &Figures| f.command.split_once(' ').map_or("", |(_, rest)| rest).to_owned();
        [
            bare(&self.pgkit),
            self.psql.as_ref().map_or(String::new(), bare),
            both(&|f| Some(f.lines.to_string())),
            both(&|f| one(f.wall_ms.median)),
            ratio(self.wall_ratio),
            both(&|f| one(f.cpu_ms.median)),
            ratio(self.cpu_ratio),
            both(&|f| one(f.peak_mb)),
            both(&|f| f.server_ms.and_then(one)),
            both(&|f| f.above_ms.and_then(one)),
        ]
    }
}

fn goals(outcomes: &[Outcome], binary_mb: f64) -> Vec<Goal> {
    let mut goals = Vec::new();
    let mut goal = |goal: &str, kind: Option<Kind>, missed: &dyn Fn(&Outcome) -> Option<String>| {
        let about = outcomes.iter().filter(|o| kind.is_none_or(|kind| kind == o.kind));
        let named = |o: &Outcome| {
            let psql = o.psql.as_ref().map(|p| format!(" | {}", p.command)).unwrap_or_default();
            missed(o).map(|by| format!("{}{psql}: {by}", o.pgkit.command))
        };
        let missed: Vec<String> = about.filter_map(named).collect();
        goals.push(Goal { goal: goal.to_owned(), holds: missed.is_empty(), missed });
    };
    let above = |most: f64, ratio: Option<Spread>| ratio.filter(|r| r.median > most).map(Spread::shown);
    goal("never slower than psql", None, &|o| above(1.0, o.wall_ratio));
    goal("at most 0.6 of psql's client CPU", None, &|o| above(0.6, o.cpu_ratio));
    goal("no more memory than psql", None, &|o| {
        let (ours, theirs) = (o.pgkit.peak_mb, o.psql.as_ref()?.peak_mb);
        (ours > theirs).then(|| format!("{ours:.1} MB to {theirs:.1} MB"))
    });
    goal("all sizes twice as fast as psql", Some(Kind::Scan), &|o| above(0.5, o.wall_ratio));
    goal("pgkit --version within 2 ms", Some(Kind::Version), &|o| {
        (o.pgkit.wall_ms.median > 2.0).then(|| format!("{:.1} ms", o.pgkit.wall_ms.median))
    });
    goal("500 sessions in less than 100 ms of the server's time", Some(Kind::Crowd), &|o| {
        o.pgkit.server_ms.filter(|ms| *ms >= 100.0).map(|ms| format!("{ms:.1} ms"))
    });
    goal("many rows in less than 16 MB", Some(Kind::Stream), &|o| {
        (o.pgkit.peak_mb >= 16.0).then(|| format!("{:.1} MB", o.pgkit.peak_mb))
    });
    let missed: Vec<String> = (binary_mb >= 6.0).then(|| format!("{binary_mb:.2} MB")).into_iter().collect();
    goals.push(Goal { goal: "a program below 6 MB".to_owned(), holds: missed.is_empty(), missed });
    goals
}

impl Report {
    pub fn new(setting: String, least_mb: f64, binary_mb: f64, pairs: Vec<Outcome>) -> Report {
        Report { setting, least_mb, binary_mb, goals: goals(&pairs, binary_mb), pairs }
    }

    pub fn print(&self) {
        println!(
            "{}\nMedians: pgkit's / psql's; ratio: pgkit's part of psql's, with quartiles; CPU and MB (peak): the \
             client's;\nserver: planning and execution alone; above: wall time beyond that. The smallest process \
             shows {:.1} MB.\n",
            self.setting, self.least_mb
        );
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        let heads = ["pgkit", "psql", "lines", "wall ms", "ratio"];
        table.set_header(heads.into_iter().chain(["CPU ms", "ratio", "MB", "server ms", "above ms"]));
        table.add_rows(self.pairs.iter().map(Outcome::row));
        for column in table.column_iter_mut().skip(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        println!("{}\n", table.trim_fmt());
        for outcome in self.pairs.iter().filter(|o| o.kind == Kind::Stream) {
            let sides = [Some(&outcome.pgkit), outcome.psql.as_ref()].into_iter().flatten();
            let rate = |f: &Figures| {
                let rows = f.lines as f64 / f.wall_ms.median;
                format!("{}: {rows:.0} rows/ms in {:.1} MB", f.command, f.peak_mb)
            };
            println!("{}", sides.map(rate).collect::<Vec<_>>().join("; "));
        }
        println!("the program: {:.2} MB\n", self.binary_mb);
        for goal in &self.goals {
            println!("{} {}", if goal.holds { "holds " } else { "MISSED" }, goal.goal);
            goal.missed.iter().for_each(|missed| println!("         {missed}"));
        }
    }
}
