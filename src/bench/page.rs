//! The answer as one self-contained page: the figures, the sentences, and the distributions as pictures. It has no
//! script and loads nothing from elsewhere.

use maud::{Markup, html};

use super::stats::Summary;
use crate::page::{document, safe};

/// The number of bars in a histogram.
const BARS: usize = 60;
/// The size of a picture.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 120.0;

const STYLE: &str = "\
th,td{padding:.25em .6em;white-space:nowrap;text-align:right;border-bottom:1px solid var(--line)}th:first-child,td:first-child{text-align:left}\
.figures{overflow-x:auto}pre{background:var(--card);padding:.6em;overflow-x:auto;white-space:pre-wrap}svg{display:block;width:100%;height:auto}\
.doubt{color:var(--doubt)}rect{fill:var(--calm)}line{stroke:var(--bad);stroke-width:2}text{font-size:12px;fill:currentColor}";

/// One variant on the page.
pub struct Shown<'a> {
    pub name: &'a str,
    /// Its statements.
    pub script: String,
    /// Its figures.
    pub summary: Summary,
    /// Its samples in milliseconds.
    pub samples: &'a [f64],
    /// How many runs failed.
    pub errors: usize,
}

/// Returns the page. `about` says what was measured where; it is followed by the sentences and the doubts.
pub fn page(about: &str, variants: &[Shown<'_>], sentences: &[String], doubts: &[String]) -> String {
    // All pictures have the same scale; values beyond the 99th percentile are in the last bar.
    let from = variants.iter().map(|v| v.summary.min).fold(f64::MAX, f64::min);
    let to = variants.iter().map(|v| v.summary.p[4]).fold(f64::MIN, f64::max);
    let figures = |s: &Summary| [s.median, s.average, s.stddev, s.p[3], s.p[4], s.min, s.max];
    let body = html! {
        h1 { "pgkit bench" }
        p { (safe(about)) }
        @for line in sentences { p { (safe(line)) } }
        @for line in doubts { p class="doubt" { (safe(line)) } }
        div.figures {
            table {
                tr {
                    @for name in ["variant", "n", "median", "average", "std dev", "p95", "p99", "min", "max", "errors"] {
                        th { (name) }
                    }
                }
                @for one in variants {
                    tr {
                        td { (safe(one.name)) }
                        td { (one.summary.n) }
                        @for ms in figures(&one.summary) { td { (format!("{ms:.3} ms")) } }
                        td { (one.errors) }
                    }
                }
            }
        }
        @for one in variants {
            h2 { (safe(one.name)) }
            (histogram(one, from, to))
            pre { (safe(&one.script)) }
        }
    };
    document("pgkit bench", STYLE, None, &body)
}

/// Draws a histogram with a line at the median.
fn histogram(one: &Shown<'_>, from: f64, to: f64) -> Markup {
    let span = (to - from).max(1e-9);
    let mut bars = [0usize; BARS];
    for ms in one.samples {
        let at = ((ms - from) / span * BARS as f64).floor().clamp(0.0, (BARS - 1) as f64) as usize;
        bars[at] += 1;
    }
    let most = bars.iter().copied().max().unwrap_or(0).max(1) as f64;
    let bar = WIDTH / BARS as f64;
    let place = |x: f64| format!("{x:.1}");
    let height = |count: usize| (count as f64 / most * HEIGHT).max(1.0);
    let edge = |i: usize| from + span * i as f64 / BARS as f64;
    let median = place(((one.summary.median - from) / span).clamp(0.0, 1.0) * WIDTH);
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT + 20.0) } role="img" aria-label={ "distribution of " (safe(one.name)) } {
            @for (i, count) in bars.iter().copied().enumerate().filter(|(_, count)| *count > 0) {
                rect x=(place(i as f64 * bar)) y=(place(HEIGHT - height(count))) width=(place(bar - 1.0)) height=(place(height(count))) {
                    title { (format!("{:.3} to {:.3} ms: {count}", edge(i), edge(i + 1))) }
                }
            }
            line x1=(median) x2=(median) y1="0" y2=(HEIGHT) {}
            @for (x, anchor, ms) in [(0.0, "start", from), (WIDTH, "end", to)] {
                text x=(x) y=(HEIGHT + 15.0) text-anchor=(anchor) { (format!("{ms:.3} ms")) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_whole_and_nothing_in_it_breaks_out() {
        let samples = [1.0, 2.0, 2.5, 9.0];
        let shown = Shown {
            name: "<script>\"a\" onload='x' ]]>\u{202e}\0",
            script: "SELECT '</pre>\n</script><!--' & 1\u{1b}".into(),
            summary: Summary::of(&samples).unwrap(),
            samples: &samples,
            errors: 1,
        };
        let hostile =
            page("15.18 on <host>", std::slice::from_ref(&shown), &["a < b".into()], &["doubt".into()]);
        assert!(hostile.starts_with("<!DOCTYPE html>") && hostile.trim_end().ends_with("</html>"));
        assert!(
            !hostile.contains("<script") && !hostile.contains("</pre>'") && !hostile.contains("http:"),
            "{hostile}"
        );
        assert_eq!(hostile.matches("<rect").count(), 4);
        assert!(hostile.contains("&lt;script&gt;&quot;a&quot;") && hostile.contains("class=\"doubt\""));
        // The only tags and scripts are the page's own.
        let plain = Shown { name: "plain", script: "SELECT 1".into(), ..shown };
        let usual = page("15.18", &[plain], &["a".into()], &["doubt".into()]);
        // Attributes are always in double quotes.
        for mark in ['<', '>', '"'] {
            assert_eq!(hostile.matches(mark).count(), usual.matches(mark).count(), "{mark}: {hostile}");
        }
        assert!(!hostile.contains(crate::escape::is_unsafe_in_text), "{hostile}");
    }
}
