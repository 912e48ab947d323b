//! A timeline as text: one strip a job, an axis with local times, and a legend.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Entry, Kind, Window};
use crate::escape;

/// The minimum width of a strip.
const LEAST: usize = 16;
/// The distances between labels of the axis to choose from, in minutes.
const STEPS: &[i64] = &[1, 5, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 20_160, 43_200];
/// The width of a label such as `05:00` or `11-24`, including the space after it.
const LABEL: usize = 6;

/// How each kind is drawn.
const KINDS: [(Kind, char, &str, anstyle::AnsiColor); 4] = [
    (Kind::Done, '█', "done", anstyle::AnsiColor::Green),
    (Kind::Failed, '×', "failed", anstyle::AnsiColor::Red),
    (Kind::Missed, '○', "missed", anstyle::AnsiColor::Yellow),
    (Kind::Running, '▶', "running", anstyle::AnsiColor::Cyan),
];

/// Draws the strips of these jobs for a terminal of this width.
pub fn draw(
    names: &[&str],
    entries: &[Entry],
    window: Window,
    width: usize,
    color: bool,
    zone: &TimeZone,
) -> String {
    let shown: Vec<String> = names.iter().map(|name| escape::terminal(name).into_owned()).collect();
    let longest = shown.iter().map(|name| name.width()).max().unwrap_or(0);
    let room = longest.min(width / 3).min(width.saturating_sub(LEAST + 1)).max(1);
    let cells = width.saturating_sub(room + 1).max(1);
    let mut out = String::new();
    for (name, shown) in names.iter().zip(&shown) {
        out.push_str(&fit(shown, room));
        out.push(' ');
        let own = entries.iter().filter(|entry| entry.name == **name);
        out.push_str(&strip(own, window, cells, color));
        while out.ends_with(' ') {
            out.pop();
        }
        out.push('\n');
    }
    let axis = format!("{:room$} {}", "", axis(window, cells, zone));
    out.push_str(axis.trim_end());
    out.push('\n');
    let legend = KINDS.map(|(kind, c, word, _)| format!("{} {word}", painted(kind, &c.to_string(), color)));
    out.push_str(&legend.join("  "));
    out.push('\n');
    out
}

/// Cuts or pads a name to this width.
fn fit(name: &str, room: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    let is_long = name.width() > room;
    for c in name.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide > if is_long { room - 1 } else { room } {
            break;
        }
        out.push(c);
        used += wide;
    }
    if is_long {
        out.push('…');
        used += 1;
    }
    out.push_str(&" ".repeat(room.saturating_sub(used)));
    out
}

fn painted(kind: Kind, text: &str, color: bool) -> String {
    let style = KINDS
        .iter()
        .find(|(one, ..)| *one == kind)
        .filter(|_| color)
        .map_or_else(anstyle::Style::new, |(.., color)| {
            anstyle::Style::new().fg_color(Some((*color).into()))
        });
    format!("{style}{text}{style:#}")
}

/// Returns one strip. If several things happened within a cell, the most important one is shown.
fn strip<'a>(entries: impl Iterator<Item = &'a Entry>, window: Window, cells: usize, color: bool) -> String {
    let mut kinds: Vec<Option<Kind>> = vec![None; cells];
    let cell = |t: Timestamp| ((window.place(t) * cells as f64) as usize).min(cells - 1);
    for entry in entries {
        let Some(begin) = entry.begin() else { continue };
        let end = match entry.kind() {
            Kind::Running => window.now,
            _ => entry.finished().unwrap_or(begin),
        };
        for kind in &mut kinds[cell(begin)..=cell(end.max(begin))] {
            *kind = (*kind).max(Some(entry.kind()));
        }
    }
    let mut out = String::new();
    for run in kinds.chunk_by(|a, b| a == b) {
        match run[0] {
            None => out.push_str(&" ".repeat(run.len())),
            Some(kind) => {
                let c = KINDS.iter().find(|(one, ..)| *one == kind).map_or('?', |(_, c, ..)| *c);
                out.push_str(&painted(kind, &c.to_string().repeat(run.len()), color));
            }
        }
    }
    out
}

/// Returns the instants that are marked on an axis with room for `most` labels, each with its label in local time.
pub fn marks(window: Window, most: usize, zone: &TimeZone) -> Vec<(Timestamp, String)> {
    let minutes = window.now.duration_since(window.since).as_mins().max(1);
    let fits = |step: &&i64| minutes / **step < i64::try_from(most.max(1)).unwrap_or(i64::MAX);
    let step = STEPS.iter().find(fits).copied().unwrap_or_else(|| minutes.max(1));
    let begin = window.since.to_zoned(zone.clone());
    let Ok(midnight) = begin.with().time(Time::midnight()).build() else { return Vec::new() };
    let mut all = Vec::new();
    for n in 0.. {
        // A day is a calendar day, even if the clocks change on it.
        let span = if step % 1440 == 0 {
            jiff::Span::new().try_days(n * (step / 1440))
        } else {
            jiff::Span::new().try_minutes(n * step)
        };
        let Ok(mark) = span.and_then(|span| midnight.checked_add(span)) else { break };
        if mark.timestamp() > window.now {
            break;
        }
        if mark.timestamp() >= window.since {
            let format = if step % 1440 == 0 { "%m-%d" } else { "%H:%M" };
            all.push((mark.timestamp(), mark.strftime(format).to_string()));
        }
    }
    all
}

/// Returns the axis: each label begins under its instant.
fn axis(window: Window, cells: usize, zone: &TimeZone) -> String {
    let mut out = String::new();
    for (at, label) in marks(window, cells / LABEL, zone) {
        let place = (window.place(at) * cells as f64) as usize;
        let used = out.chars().count();
        if place + label.len() > cells || (used > 0 && place <= used) {
            continue;
        }
        out.push_str(&" ".repeat(place - used));
        out.push_str(&label);
    }
    out
}

/// Returns the window in words.
pub fn about(window: Window, zone: &TimeZone) -> String {
    let shown = |t: Timestamp| t.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
    let length = SignedDuration::from_secs(window.now.duration_since(window.since).as_secs());
    let name = zone.iana_name().unwrap_or("local time");
    format!("{} to {} ({name}), {length:#}", shown(window.since), shown(window.now))
}
