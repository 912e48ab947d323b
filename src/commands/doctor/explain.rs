//! Implements `doctor --list` and `doctor --explain`.

use crate::commands::args::FormatArgs;
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::doctor::Unlooked;
use crate::error::{Exit, Result};
use crate::output;
use crate::report::{Check, Optional, Report, Scope};
use crate::rows::{Flow, record};
use crate::wrap::wrapped;

record! {
    const COLUMNS;
    fn row(report: &Report, check: &Check) {
        check: text = Some(&check.name),
        worst: text = Some(worst(check)),
        about: text = Some(about(report)),
        needs: text = needs(check),
        report: text = Some(&report.name),
        why: text wide = Some(&check.why),
    }
}

fn worst(check: &Check) -> &'static str {
    check
        .written
        .iter()
        .map(|(level, _)| *level)
        .find(|level| !matches!(*level, "only" | "unseen"))
        .unwrap_or("note")
}

/// Returns whether a report is about a database or about the server.
fn about(report: &Report) -> &'static str {
    if report.scope == Scope::Database { "database" } else { "server" }
}

/// Returns the flags that a check needs to be judged; `None` if it needs none.
fn needs(check: &Check) -> Option<&'static str> {
    match check.optional {
        Some(Optional::Lint) => Some("--lint"),
        Some(Optional::Deep) => Some("--deep"),
        None if check.needs_earlier() || check.samples.is_some() => Some("--for or --against"),
        None => None,
    }
}

/// Prints the list of checks, one per row.
pub(super) async fn list(
    context: &Context,
    format: &FormatArgs,
    checks: &[(&Report, &Check)],
) -> Result<Exit> {
    let mut listing = Listing::new(context, "doctor --list", COLUMNS, format)?;
    for (report, check) in checks {
        if listing.push(&row(report, check))? == Flow::Enough {
            break;
        }
    }
    listing.finish().await?;
    Ok(Exit::Done)
}

/// Prints an explanation of each check, and of the findings that do not come from a check, wrapped at `width` columns.
pub(super) fn explain<'a>(
    checks: &[(&Report, &Check)],
    unlooked: impl Iterator<Item = &'a Unlooked>,
    width: usize,
) -> Result<Exit> {
    let mut text = String::new();
    let mut last = "";
    for (report, check) in checks {
        if !text.is_empty() {
            text.push('\n');
        }
        // Several tables in reports may define one check. Why it matters is printed once.
        if check.name != last {
            text.push_str(&format!("{}\n", check.name));
            paragraph(&mut text, "why", &check.why, width);
        }
        last = &check.name;
        let needs = report.plain().and_then(|plain| plain.needs.as_deref()).unwrap_or_default();
        paragraph(&mut text, "looks at", report.summary.trim_end_matches('.'), width);
        for (level, conditions) in &check.written {
            paragraph(&mut text, level, &conditions.join(", or "), width);
        }
        paragraph(&mut text, "source", &check.source, width);
        paragraph(&mut text, "ignore", &check.ignore, width);
        paragraph(&mut text, "rights", needs, width);
        if let Some(flag) = self::needs(check) {
            paragraph(&mut text, "needs", flag, width);
        }
        if report.since() > 10 {
            paragraph(&mut text, "since", &format!("PostgreSQL {}", report.since()), width);
        }
    }
    for one in unlooked {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!("{}\n", one.name));
        paragraph(&mut text, "why", one.why, width);
        let ignore = match one.is_ignorable {
            true => one.ignore.to_owned(),
            false => format!("It cannot be ignored: {}.", one.ignore),
        };
        paragraph(&mut text, "ignore", &ignore, width);
    }
    output::print(&text)?;
    Ok(Exit::Done)
}

/// Appends a named paragraph, wrapped at `width` columns, to `out`. An empty text adds nothing.
fn paragraph(out: &mut String, name: &str, text: &str, width: usize) {
    if text.is_empty() {
        return;
    }
    for (i, line) in wrapped(text, width.saturating_sub(12)).iter().enumerate() {
        let name = if i == 0 { name } else { "" };
        out.push_str(&format!("  {name:<9} {line}\n"));
    }
}
