//! The figures of all runs: medians, ratios, and which goals hold.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::measure::Sample;
use crate::pairs::{Kind, Pair, Side};

/// The median, the quartiles and the largest of many values.
#[derive(Clone, Copy, Serialize)]
pub struct Spread {
    pub median: f64,
    lower_quartile: f64,
    upper_quartile: f64,
    worst: f64,
}

impl Spread {
    /// Computes them from at least one value.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let place = part * (values.len() - 1) as f64;
            let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        Spread { median: at(0.5), lower_quartile: at(0.25), upper_quartile: at(0.75), worst: at(1.0) }
    }

    fn shown(self) -> String {
        format!("{:.2} ({:.2}–{:.2})", self.median, self.lower_quartile, self.upper_quartile)
    }
}

/// One run of one side.
#[derive(Clone, Copy)]
pub struct Run {
    pub process: Sample,
    /// The time that the server spent on its statements, if that was counted.
    pub server_ms: Option<f64>,
}

/// The figures of one side of a pair.
#[derive(Serialize)]
struct Figures {
    command: String,
    runs: usize,
    lines: u64,
    wall_ms: Spread,
    cpu_ms: Spread,
    peak_mb: f64,
    /// The server's own time for the statement.
    server_ms: Option<f64>,
    /// Wall time beyond that.
    above_ms: Option<f64>,
}

/// The figures of another program. The ratios are pgkit's figures divided by its own, round by round.
#[derive(Serialize)]
struct Peer {
    #[serde(flatten)]
    figures: Figures,
    /// Whether it answers only a part of the question.
    part: bool,
    wall_ratio: Spread,
    cpu_ratio: Spread,
}

/// A pair's figures.
#[derive(Serialize)]
pub struct Outcome {
    pgkit: Figures,
    peers: Vec<Peer>,
    remark: &'static str,
    #[serde(skip)]
    kind: Kind,
}

/// A goal, and the pairs that missed it.
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
    /// The peak memory of the smallest process.
    least_mb: f64,
    binary_mb: f64,
    pairs: Vec<Outcome>,
    goals: Vec<Goal>,
    /// Peers that are not installed or failed, and reports that did not run.
    left_out: Vec<String>,
}

impl Outcome {
    /// Computes the figures of a pair. Each of the `runs` has one run of every side, pgkit's first. `server_time` asks the
    /// server how long a side's statement takes.
    pub fn new(pair: &Pair, runs: &[Vec<Run>], server_time: &dyn Fn(&Side) -> Option<f64>) -> Outcome {
        let figures = |at: usize, side: &Side| {
            let spread = |of: fn(&Sample) -> f64| Spread::of(runs.iter().map(|run| of(&run[at].process)));
            let counted: Option<Vec<f64>> = runs.iter().map(|run| run[at].server_ms).collect();
            let wall_ms = spread(|s| s.wall_ms);
            let server_ms = counted.map(|all| Spread::of(all).median).or_else(|| server_time(side));
            Figures {
                command: side.shown.clone(),
                runs: runs.len(),
                lines: runs[0][at].process.lines,
                wall_ms,
                cpu_ms: spread(|s| s.cpu_ms),
                peak_mb: spread(|s| s.peak_mb).median,
                server_ms,
                above_ms: server_ms.map(|server| wall_ms.median - server),
            }
        };
        let peer = |at: usize, side: &Side| {
            let ratio = |of: fn(&Sample) -> f64| {
                Spread::of(runs.iter().map(|run| of(&run[0].process) / of(&run[at].process)))
            };
            Peer {
                figures: figures(at, side),
                part: side.part,
                wall_ratio: ratio(|s| s.wall_ms),
                cpu_ratio: ratio(|s| s.cpu_ms),
            }
        };
        Outcome {
            pgkit: figures(0, &pair.ours),
            peers: pair.theirs.iter().enumerate().map(|(at, side)| peer(at + 1, side)).collect(),
            remark: pair.remark,
            kind: pair.kind,
        }
    }

    fn row(&self) -> [String; 10] {
        let peer = self.peers.first();
        let both = |of: &dyn Fn(&Figures) -> Option<String>| {
            let sides = [Some(&self.pgkit), peer.map(|peer| &peer.figures)].map(|side| side.and_then(of));
            sides.into_iter().flatten().collect::<Vec<_>>().join(" / ")
        };
        let one = |n: f64| Some(format!("{n:.1}"));
        let ratio = |of: fn(&Peer) -> Spread| peer.map(of).map_or(String::new(), Spread::shown);
        let bare = |f: &Figures| f.command.split_once(' ').map_or("", |(_, rest)| rest).to_owned();
        [
            bare(&self.pgkit),
            peer.map_or(String::new(), |peer| bare(&peer.figures)),
            both(&|f| Some(f.lines.to_string())),
            both(&|f| one(f.wall_ms.median)),
            ratio(|peer| peer.wall_ratio),
            both(&|f| one(f.cpu_ms.median)),
            ratio(|peer| peer.cpu_ratio),
            both(&|f| one(f.peak_mb)),
            both(&|f| f.server_ms.and_then(one)),
            both(&|f| f.above_ms.and_then(one)),
        ]
    }

    /// Returns the row of a report, and one for each of its peers.
    fn rows(&self) -> Vec<[String; 8]> {
        let row = |figures: &Figures, indent: &str, peer: Option<&Peer>| {
            let ratio = |of: fn(&Peer) -> Spread| {
                peer.map_or(String::new(), |peer| format!("{:.2}", of(peer).median))
            };
            let verdict = match peer.map(|peer| (peer.wall_ratio.median > 1.0, peer.part)) {
                Some((true, false)) => "SLOWER",
                Some((true, true)) => "slower, but that is a part",
                Some((false, true)) => "a part",
                _ => "",
            };
            [
                format!("{indent}{}", figures.command),
                figures.lines.to_string(),
                format!("{:.1} ({:.1})", figures.wall_ms.median, figures.wall_ms.worst),
                ratio(|peer| peer.wall_ratio),
                verdict.to_owned(),
                format!("{:.1}", figures.cpu_ms.median),
                ratio(|peer| peer.cpu_ratio),
                figures.server_ms.map_or(String::new(), |ms| format!("{ms:.1}")),
            ]
        };
        let ours = row(&self.pgkit, "", None);
        std::iter::once(ours)
            .chain(self.peers.iter().map(|peer| row(&peer.figures, "  ", Some(peer))))
            .collect()
    }
}

fn goals(outcomes: &[Outcome], binary_mb: f64) -> Vec<Goal> {
    let mut goals = Vec::new();
    let mut goal = |goal: &str, about: &dyn Fn(Kind) -> bool, missed: &dyn Fn(&Outcome) -> Vec<String>| {
        let missed: Vec<String> = outcomes.iter().filter(|o| about(o.kind)).flat_map(missed).collect();
        goals.push(Goal { goal: goal.to_owned(), holds: missed.is_empty(), missed });
    };
    let report = |kind| kind == Kind::Report;
    let other = |kind| kind != Kind::Report;
    let only = |wanted| move |kind| kind == wanted;
    let by_peer = |o: &Outcome, by: &dyn Fn(&Peer) -> Option<String>| {
        let missed =
            |peer: &Peer| Some(format!("{} | {}: {}", o.pgkit.command, peer.figures.command, by(peer)?));
        o.peers.iter().filter(|peer| !peer.part).filter_map(missed).collect()
    };
    let by_itself = |o: &Outcome, by: Option<String>| {
        by.map(|by| format!("{}: {by}", o.pgkit.command)).into_iter().collect()
    };
    let above = |most: f64, ratio: Spread| (ratio.median > most).then(|| ratio.shown());
    goal("never slower than psql", &other, &|o| by_peer(o, &|peer| above(1.0, peer.wall_ratio)));
    goal("no report slower than a peer", &report, &|o| by_peer(o, &|peer| above(1.0, peer.wall_ratio)));
    goal("no report with more client CPU than a peer", &report, &|o| {
        by_peer(o, &|peer| above(1.0, peer.cpu_ratio))
    });
    goal("at most 0.6 of psql's client CPU", &other, &|o| by_peer(o, &|peer| above(0.6, peer.cpu_ratio)));
    goal("no more memory than psql", &other, &|o| {
        let more =
            |ours: f64, theirs: f64| (ours > theirs).then(|| format!("{ours:.1} MB to {theirs:.1} MB"));
        by_peer(o, &|peer| more(o.pgkit.peak_mb, peer.figures.peak_mb))
    });
    goal("all sizes twice as fast as psql", &only(Kind::Scan), &|o| {
        by_peer(o, &|peer| above(0.5, peer.wall_ratio))
    });
    goal("pgkit --version within 2 ms", &only(Kind::Version), &|o| {
        let ms = o.pgkit.wall_ms.median;
        by_itself(o, (ms > 2.0).then(|| format!("{ms:.1} ms")))
    });
    goal("500 sessions in less than 100 ms of the server's time", &only(Kind::Crowd), &|o| {
        by_itself(o, o.pgkit.server_ms.filter(|ms| *ms >= 100.0).map(|ms| format!("{ms:.1} ms")))
    });
    goal("many rows in less than 16 MB", &only(Kind::Stream), &|o| {
        by_itself(o, (o.pgkit.peak_mb >= 16.0).then(|| format!("{:.1} MB", o.pgkit.peak_mb)))
    });
    let missed: Vec<String> = (binary_mb >= 6.0).then(|| format!("{binary_mb:.2} MB")).into_iter().collect();
    goals.push(Goal { goal: "a program below 6 MB".to_owned(), holds: missed.is_empty(), missed });
    goals
}

impl Report {
    pub fn new(
        setting: String,
        least_mb: f64,
        binary_mb: f64,
        pairs: Vec<Outcome>,
        left_out: Vec<String>,
    ) -> Report {
        Report { setting, least_mb, binary_mb, goals: goals(&pairs, binary_mb), pairs, left_out }
    }

    pub fn print(&self) {
        println!(
            "{}\nMedians: pgkit's / psql's; ratio: pgkit's part of psql's, with quartiles; CPU and MB (peak): the \
             client's;\nserver: planning and execution alone; above: wall time beyond that. The smallest process \
             shows {:.1} MB.\n",
            self.setting, self.least_mb
        );
        let (reports, others): (Vec<_>, Vec<_>) = self.pairs.iter().partition(|o| o.kind == Kind::Report);
        let heads =
            ["pgkit", "psql", "lines", "wall ms", "ratio", "CPU ms", "ratio", "MB", "server ms", "above ms"];
        print_table(heads, 2, others.iter().map(|o| o.row()));
        for outcome in self.pairs.iter().filter(|o| o.kind == Kind::Stream) {
            let sides = std::iter::once(&outcome.pgkit).chain(outcome.peers.iter().map(|peer| &peer.figures));
            let rate = |f: &Figures| {
                let rows = f.lines as f64 / f.wall_ms.median;
                format!("{}: {rows:.0} rows/ms in {:.1} MB", f.command, f.peak_mb)
            };
            println!("{}", sides.map(rate).collect::<Vec<_>>().join("; "));
        }
        println!("the program: {:.2} MB\n", self.binary_mb);
        println!(
            "Every report, and below it its peers, some of which answer only a part. Median and worst wall time of whole processes; ratio: pgkit's part \
             of the peer's; CPU: the client's and its children's;\nserver: planning and execution of all statements, as \
             pg_stat_statements counts them.\n"
        );
        let heads = ["report, peers", "lines", "wall ms", "ratio", "", "CPU ms", "ratio", "server ms"];
        print_table(heads, 1, reports.iter().flat_map(|o| o.rows()));
        for outcome in reports.iter().filter(|o| !o.remark.is_empty()) {
            println!("{}: {}", outcome.pgkit.command, outcome.remark);
        }
        self.left_out.iter().for_each(|line| println!("not run: {line}"));
        println!();
        for goal in &self.goals {
            println!("{} {}", if goal.holds { "holds " } else { "MISSED" }, goal.goal);
            goal.missed.iter().for_each(|missed| println!("         {missed}"));
        }
    }
}

/// Prints a table whose columns are figures, except for the first ones.
fn print_table<const N: usize>(heads: [&str; N], texts: usize, rows: impl Iterator<Item = [String; N]>) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(heads);
    table.add_rows(rows);
    for column in table.column_iter_mut().skip(texts) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{}\n", table.trim_fmt());
}
