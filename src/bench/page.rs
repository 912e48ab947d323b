//! The answer as one self-contained page: the figures, the sentences, and the distributions as pictures. It has no
//! script and loads nothing from elsewhere.

use std::fmt::Write;

use super::stats::Summary;
use crate::escape::terminal_text;

/// The number of bars in a histogram.
const BARS: usize = 60;
/// The size of a picture.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 120.0;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:900px;margin:2em auto;padding:0 1em}\
h1{font-size:1.5em}h2{font-size:1.1em;margin:1.5em 0 .3em}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
th,td{padding:.25em .6em;white-space:nowrap;text-align:right;border-bottom:1px solid #ddd}th:first-child,td:first-child{text-align:left}\
pre{background:#f4f4f4;padding:.6em;overflow-x:auto;white-space:pre-wrap}svg{display:block;width:100%;height:auto}.doubt{color:#a40}\
@media (prefers-color-scheme:dark){body{color:#ddd;background:#181818}pre{background:#262626}th,td{border-color:#444}.doubt{color:#fa6}}";

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
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>pgkit bench</title><style>{STYLE}</style></head><body>\n<h1>pgkit bench</h1>\n<p>{}</p>\n",
        escape(about)
    );
    for (class, lines) in [("", sentences), (" class=\"doubt\"", doubts)] {
        for line in lines {
            let _ = writeln!(out, "<p{class}>{}</p>", escape(line));
        }
    }
    out.push_str("<table><tr><th>variant</th><th>n</th><th>median</th><th>average</th><th>std dev</th><th>p95</th><th>p99</th><th>min</th><th>max</th><th>errors</th></tr>\n");
    for one in variants {
        let s = &one.summary;
        let _ = write!(out, "<tr><td>{}</td><td>{}</td>", escape(one.name), s.n);
        for ms in [s.median, s.average, s.stddev, s.p[3], s.p[4], s.min, s.max] {
            let _ = write!(out, "<td>{ms:.3} ms</td>");
        }
        let _ = writeln!(out, "<td>{}</td></tr>", one.errors);
    }
    out.push_str("</table>\n");
    // All pictures have the same scale; values beyond the 99th percentile are in the last bar.
    let from = variants.iter().map(|v| v.summary.min).fold(f64::MAX, f64::min);
    let to = variants.iter().map(|v| v.summary.p[4]).fold(f64::MIN, f64::max);
    for one in variants {
        let _ = writeln!(
            out,
            "<h2>{}</h2>\n{}<pre>{}</pre>",
            escape(one.name),
            histogram(one, from, to),
            escape(&one.script)
        );
    }
    out.push_str("</body></html>\n");
    out
}

/// Draws a histogram with a line at the median.
fn histogram(one: &Shown<'_>, from: f64, to: f64) -> String {
    let span = (to - from).max(1e-9);
    let mut bars = [0usize; BARS];
    for ms in one.samples {
        let at = ((ms - from) / span * BARS as f64).floor().clamp(0.0, (BARS - 1) as f64) as usize;
        bars[at] += 1;
    }
    let most = bars.iter().copied().max().unwrap_or(0).max(1) as f64;
    let bar = WIDTH / BARS as f64;
    let mut out = format!(
        "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"distribution of {}\">",
        HEIGHT + 20.0,
        escape(one.name)
    );
    for (i, count) in bars.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = (*count as f64 / most * HEIGHT).max(1.0);
        let _ = write!(
            out,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"#4a90d9\"><title>{:.3} to {:.3} ms: {count}</title></rect>",
            i as f64 * bar,
            HEIGHT - height,
            bar - 1.0,
            from + span * i as f64 / BARS as f64,
            from + span * (i + 1) as f64 / BARS as f64,
        );
    }
    let x = ((one.summary.median - from) / span).clamp(0.0, 1.0) * WIDTH;
    let _ = write!(
        out,
        "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{HEIGHT}\" stroke=\"#d0021b\" stroke-width=\"2\"/>"
    );
    for (x, anchor, ms) in [(0.0, "start", from), (WIDTH, "end", to)] {
        let _ = write!(
            out,
            "<text x=\"{x}\" y=\"{}\" font-size=\"12\" text-anchor=\"{anchor}\" fill=\"currentColor\">{ms:.3} ms</text>",
            HEIGHT + 15.0
        );
    }
    out.push_str("</svg>\n");
    out
}

/// Escapes text for a page, whether in an element or in an attribute with either kind of quotes. Characters that
/// reorder or hide text are shown as escapes, as on a terminal.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in terminal_text(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
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
            !hostile.contains("<script") && !hostile.contains("</pre>'") && !hostile.contains("http"),
            "{hostile}"
        );
        assert_eq!(hostile.matches("<rect").count(), 4);
        assert!(hostile.contains("&lt;script&gt;&quot;a&quot;") && hostile.contains("class=\"doubt\""));
        // The only tags and scripts are the page's own.
        let plain = Shown { name: "plain", script: "SELECT 1".into(), ..shown };
        let usual = page("15.18", &[plain], &["a".into()], &["doubt".into()]);
        for mark in ['<', '>', '"', '\''] {
            assert_eq!(hostile.matches(mark).count(), usual.matches(mark).count(), "{mark}: {hostile}");
        }
        assert!(!hostile.contains(crate::escape::is_unsafe_in_text), "{hostile}");
    }
}
