//! Writes the report as one self-contained HTML page without scripts: the overview, and each section with a chart over
//! time and its heaviest rows.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::collect::Collector;
use super::sections::{NARROW_OVERVIEW, OVERVIEW, Section, overview};
use super::series::{Series, Step};
use crate::error::Result;
use crate::page::{document, safe};
use crate::render::human;
use crate::rows::cell::Cell;
use crate::rows::{self, Column, Row};

const STYLE: &str = include_str!("page.css");
/// The largest number of rows that are shown of a section.
const SHOWN: usize = 100;
/// The longest text that is shown in one cell, in characters. Plans are shown in full.
const LONGEST: usize = 20_000;
/// The width and the height of a chart.
const CHART: (f64, f64) = (1000.0, 120.0);

/// Returns the page about a log of this name. Times are shown in `zone`.
///
/// Errors: a value cannot be decoded, which is a bug (70).
pub fn page(all: &mut Collector, name: &str, remarks: &[String], zone: &TimeZone) -> Result<String> {
    let series = all.series.take();
    let charts = series.map(Chart::of).unwrap_or_default();
    let columns = rows::columns(OVERVIEW);
    let mut sections = Vec::new();
    for section in Section::ALL {
        let rows = section.rows(all);
        let columns = rows::columns(section.columns());
        let chart = charts.iter().find(|chart| chart.section == section);
        if !rows.is_empty() {
            sections.push(html! {
                section id=(section.name()) {
                    h2 { (title(section)) }
                    @if let Some(chart) = chart { (chart.draw(zone)) }
                    (table(&columns, &rows, section.narrow(), zone)?)
                }
            });
        }
    }
    let time = |micros: Option<i64>| {
        let at = micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        at.map(|at| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string())
    };
    let body = html! {
        h1 { "Log report: " (safe(name)) }
        p class="soft" {
            (all.entries) " entries"
            @if let (Some(first), Some(last)) = (time(all.seen.first), time(all.seen.last)) { ", " (first) " to " (last) }
        }
        @for remark in remarks { p class="remark" { (safe(remark)) } }
        (table(&columns, &overview(all), NARROW_OVERVIEW, zone)?)
        @for section in &sections { (section) }
        p class="soft" { "pgkit " (env!("CARGO_PKG_VERSION")) }
    };
    Ok(document(&safe(&format!("Log report: {name}")), STYLE, None, &body))
}

fn title(section: Section) -> String {
    let name = section.name().replace('-', " ");
    let (first, rest) = name.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

/// Returns a table with the columns in `narrow`. The values of the other columns are shown when a row is opened.
fn table(columns: &[Column], rows: &[Row], narrow: &[&str], zone: &TimeZone) -> Result<Markup> {
    let shown: Vec<usize> =
        narrow.iter().filter_map(|name| columns.iter().position(|column| column.name == *name)).collect();
    let others: Vec<usize> = (0..columns.len()).filter(|i| !shown.contains(i)).collect();
    let mut lines = Vec::new();
    let mut numbers = vec![false; shown.len()];
    for row in rows.iter().take(SHOWN) {
        let cells: Vec<Cell<'_>> =
            columns.iter().zip(row.raw()).map(|(column, raw)| column.decode(raw)).collect::<Result<_>>()?;
        numbers.iter_mut().zip(&shown).for_each(|(number, i)| *number |= is_number(&cells[*i]));
        let text = |i: usize| value(&columns[i].name, &cells[i], zone);
        let more: Vec<(&str, String)> = others
            .iter()
            .filter(|i| cells[**i] != Cell::Null)
            .map(|i| (columns[*i].name.as_str(), text(*i)))
            .collect();
        lines.push(html! {
            tr {
                @for (at, i) in shown.iter().enumerate() {
                    @let is_last = at + 1 == shown.len();
                    td class=(if is_number(&cells[*i]) { "number" } else if is_last { "long" } else { "" }) {
                        @if is_last && !more.is_empty() {
                            details {
                                summary { (text(*i)) }
                                dl { @for (name, text) in &more { dt { (name) } dd { pre { (text) } } } }
                            }
                        } @else if columns[*i].name == "section" {
                            a href={ "#" (text(*i)) } { (text(*i)) }
                        } @else {
                            (text(*i))
                        }
                        @if let Some(share) = share(&columns[*i].name, &cells[*i]) { (bar(share)) }
                    }
                }
            }
        });
    }
    Ok(html! {
        div class="data" {
            table {
                thead { tr {
                    @for (i, number) in shown.iter().zip(&numbers) {
                        th class=(if *number { "number" } else { "" }) { (human::heading(columns, *i)) }
                    }
                } }
                tbody { @for line in &lines { (line) } }
            }
        }
        @if rows.len() > SHOWN { p class="soft" { "The first " (SHOWN) " of " (rows.len()) " rows." } }
    })
}

fn is_number(cell: &Cell<'_>) -> bool {
    matches!(cell, Cell::Int(_) | Cell::Float(_))
}

fn value(column: &str, cell: &Cell<'_>, zone: &TimeZone) -> String {
    let text = safe(&human::show(column, cell, zone));
    if column == "plan" || text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

/// Returns the percentage that is drawn as a bar; `None` if the column has no percentages.
fn share(column: &str, cell: &Cell<'_>) -> Option<f64> {
    cell.as_float().filter(|_| column.ends_with("_pct"))
}

fn bar(share: f64) -> Markup {
    html! {
        svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true" {
            rect width=(format!("{:.1}", share.clamp(0.0, 100.0))) height="1" {}
        }
    }
}

/// The sums of one section in each time step, which are drawn as bars.
struct Chart {
    section: Section,
    /// The length of a step in microseconds.
    every: i64,
    /// The sums of each step, with its beginning in microseconds since 1970.
    steps: Vec<(i64, Step)>,
}

impl Chart {
    /// Returns the charts of the sections that have entries; none if the log covers only one step.
    fn of(mut series: Series) -> Vec<Chart> {
        let every = series.every();
        let all: Vec<_> = series.steps().map(|(begin, steps)| (begin, *steps)).collect();
        Section::ALL
            .into_iter()
            .map(|section| {
                let steps = all.iter().map(|(begin, steps)| (*begin, steps[section as usize])).collect();
                Chart { section, every, steps }
            })
            .filter(|chart: &Chart| {
                chart.steps.len() > 1 && chart.steps.iter().any(|(_, step)| step.count > 0)
            })
            .collect()
    }

    fn draw(&self, zone: &TimeZone) -> Markup {
        let (width, height) = CHART;
        let first = self.steps.first().map_or(0, |(begin, _)| *begin);
        let last = self.steps.last().map_or(first, |(begin, _)| *begin) + self.every;
        let most = self.steps.iter().map(|(_, step)| step.count).max().unwrap_or(1).max(1);
        let x = |at: i64| (at - first) as f64 / (last - first) as f64 * width;
        let time = |micros: i64| {
            Timestamp::from_microsecond(micros)
                .map(|at| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string())
                .unwrap_or_default()
        };
        let every = human::seconds(self.every as f64 / 1e6);
        html! {
            figure {
                svg class="chart" viewBox={ "0 0 " (width) " " (height) } preserveAspectRatio="none" role="img"
                    aria-label={ (title(self.section)) " over time" } {
                    @for (begin, step) in self.steps.iter().filter(|(_, step)| step.count > 0) {
                        @let tall = (step.count as f64 / most as f64 * height).max(1.0);
                        rect x=(format!("{:.2}", x(*begin))) y=(format!("{:.2}", height - tall))
                            width=(format!("{:.2}", (x(begin + self.every) - x(*begin)).max(0.8)))
                            height=(format!("{tall:.2}")) {
                            title {
                                (time(*begin)) ": " (step.count)
                                @if step.duration_ms > 0.0 { ", " (human::seconds(step.duration_ms / 1e3)) }
                                @if step.bytes > 0 { ", " (human::bytes(i64::try_from(step.bytes).unwrap_or(i64::MAX))) }
                            }
                        }
                    }
                }
                figcaption { (time(first)) " to " (time(last)) ", at most " (most) " in " (every) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::report::collect::{Choice, Steps};
    use crate::log::report::entry::Entry;

    #[test]
    fn a_page_has_every_section_and_does_what_no_text_says() {
        let mut all = Collector::new(&Choice { steps: Steps::AtMost(10), ..Choice::default() });
        for second in 0..100 {
            all.take(&Entry {
                time: Some(second * 1_000_000),
                pid: Some(1),
                severity: b"LOG",
                message: "duration: 5.000 ms  statement: SELECT '<script>\u{202e}' AS \"<b>\"".as_bytes(),
                ..Entry::default()
            });
        }
        all.take(&Entry {
            severity: b"ERROR",
            sqlstate: b"42P01",
            message: b"relation \"<i>\"",
            ..Entry::default()
        });
        let text = page(&mut all, "<x>", &["a <remark>".to_owned()], &TimeZone::UTC).unwrap();
        assert!(text.contains("Log report: &lt;x&gt;") && text.contains("a &lt;remark&gt;"), "{text}");
        assert!(
            text.contains("select ? as &quot;&lt;b&gt;&quot;")
                && text.contains("relation &quot;&lt;i&gt;&quot;")
        );
        assert!(!text.contains("<script") && !text.contains('\u{202e}') && !text.contains("<i>"));
        assert!(
            text.contains("id=\"statements\"")
                && text.contains("<svg class=\"chart\"")
                && !text.contains("id=\"locks\"")
        );
        assert!(text.contains("default-src 'none'"));
    }
}
