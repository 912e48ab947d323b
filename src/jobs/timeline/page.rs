//! A timeline as one self-contained page: a Gantt chart without a script, which loads nothing from elsewhere. Every
//! text is escaped by its type.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::strip::{about, marks};
use super::{Entry, Kind, Window};
use crate::page::{document, safe};

/// The measures of the chart.
const NAMES: f64 = 190.0;
const CHART: f64 = 800.0;
const ROW: f64 = 24.0;
const HEAD: f64 = 26.0;

const STYLE: &str = "\
@media print{.chart{overflow:visible}svg{min-width:0!important}}\
.chart{overflow-x:auto}svg{display:block;width:100%;min-width:640px;height:auto}\
text{font-size:12px;fill:currentColor}.line{stroke:var(--line)}.done{fill:var(--good)}.failed{fill:var(--bad)}\
.running{fill:var(--calm)}.missed{fill:none;stroke:var(--doubt);stroke-width:2}\
.legend svg{display:inline;width:1em;min-width:0;height:.8em;margin-left:1em}";

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Done => "done",
        Kind::Failed => "failed",
        Kind::Missed => "missed",
        Kind::Running => "running",
    }
}

/// A bar of the chart. Entries that are too close together to be drawn apart share a bar.
struct Bar<'a> {
    from: f64,
    to: f64,
    kind: Kind,
    entries: Vec<&'a Entry>,
}

/// Returns the bars of one job.
fn bars<'a>(entries: impl Iterator<Item = &'a Entry>, window: Window) -> Vec<Bar<'a>> {
    let mut all: Vec<Bar<'_>> = Vec::new();
    for entry in entries {
        let Some(begin) = entry.begin() else { continue };
        let end = match entry.kind() {
            Kind::Running => window.now,
            _ => entry.finished().unwrap_or(begin),
        };
        let from = window.place(begin) * CHART;
        let to = (window.place(end) * CHART).max(from + 2.0);
        match all.last_mut() {
            Some(last)
                if last.kind == entry.kind() && last.to - last.from <= 3.0 && to - last.from <= 3.0 =>
            {
                last.to = last.to.max(to);
                last.entries.push(entry);
            }
            _ => all.push(Bar { from, to, kind: entry.kind(), entries: vec![entry] }),
        }
    }
    // What matters most is drawn last, on top.
    all.sort_by_key(|bar| bar.kind);
    all
}

/// Describes what a bar stands for.
fn title(bar: &Bar<'_>, zone: &TimeZone) -> String {
    let shown = |t: Timestamp| t.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let Some(first) = bar.entries.first() else { return String::new() };
    let mut out = first.name.clone();
    if bar.entries.len() > 1 {
        let last = bar.entries.last().and_then(|entry| entry.begin()).map(shown).unwrap_or_default();
        let begin = first.begin().map(shown).unwrap_or_default();
        let _ = write!(out, "\n{} times {} from {begin} to {last}", bar.entries.len(), first.result);
        return out;
    }
    if let Some(date) = first.run_date {
        let _ = write!(out, "\n{} for {}", first.result, shown(date));
    } else {
        let _ = write!(out, "\n{}", first.result);
    }
    if let Some(started) = first.started {
        let _ = write!(out, "\nstarted {}", shown(started));
    }
    if let Some(finished) = first.finished() {
        let _ = write!(out, "\nfinished {}, after {:.3} s", shown(finished), first.duration_s.unwrap_or(0.0));
    }
    if let Some(attempt) = first.attempt {
        let _ = write!(out, "\nattempt {attempt}");
    }
    if let Some(host) = &first.host {
        let _ = write!(out, " on {host}");
    }
    if let Some(message) = &first.message {
        let cut: String = message.chars().take(500).collect();
        let _ = write!(out, "\n{cut}");
    }
    out
}

/// Cuts a name to the length that fits beside the chart.
fn short(name: &str) -> String {
    let name = safe(name).replace('\n', " ");
    if name.chars().count() <= 26 { name } else { name.chars().take(25).chain(['…']).collect() }
}

fn shape(kind: Kind, x: f64, y: f64, width: f64, title: &str) -> Markup {
    html! {
        @if kind == Kind::Missed {
            circle class="missed" cx={ (format!("{:.1}", x + 1.0)) } cy={ (format!("{:.1}", y + 7.0)) } r="4" {
                title { (title) }
            }
        } @else {
            rect class=(class(kind)) x={ (format!("{x:.1}")) } y={ (format!("{y:.1}")) }
                width={ (format!("{width:.1}")) } height="14" { title { (title) } }
        }
    }
}

/// Returns the page.
pub fn page(names: &[&str], entries: &[Entry], window: Window, zone: &TimeZone) -> String {
    let height = HEAD + ROW * names.len() as f64 + 6.0;
    let width = NAMES + CHART + 10.0;
    let x = |t: Timestamp| NAMES + window.place(t) * CHART;
    let count = |kind: Kind| entries.iter().filter(|entry| entry.kind() == kind).count();
    let body = html! {
        h1 { "pgkit jobs timeline" }
        p { (about(window, zone)) }
        p.legend {
            @for kind in [Kind::Done, Kind::Failed, Kind::Missed, Kind::Running] {
                svg viewBox="0 0 14 14" aria-hidden="true" { (shape(kind, 6.0, 0.0, 8.0, class(kind))) }
                " " (class(kind)) " (" (count(kind)) ")"
            }
        }
        div.chart {
            svg viewBox={ "0 0 " (width) " " (height) } role="img" aria-label="when each job ran" {
                @for (at, label) in marks(window, 12, zone) {
                    line class="line" x1={ (format!("{:.1}", x(at))) } x2={ (format!("{:.1}", x(at))) }
                        y1=(HEAD - 6.0) y2=(height) {}
                    text x={ (format!("{:.1}", x(at))) } y="14" text-anchor="middle" { (label) }
                }
                @for (i, name) in names.iter().enumerate() {
                    @let top = HEAD + ROW * i as f64;
                    line class="line" x1="0" x2=(width) y1=(top) y2=(top) {}
                    text x="0" y=(top + 16.0) { title { (safe(name)) } (short(name)) }
                    @for bar in bars(entries.iter().filter(|entry| entry.name == **name), window) {
                        (shape(bar.kind, NAMES + bar.from, top + 5.0, bar.to - bar.from, &safe(&title(&bar, zone))))
                    }
                }
            }
        }
    };
    document("pgkit jobs timeline", STYLE, None, &body)
}
