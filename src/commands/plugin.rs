//! Texts for monitoring systems: the line that a Nagios plugin prints, and label values in Prometheus's text format.

use std::borrow::Cow;

use crate::error::Exit;
use crate::escape;
use crate::output;

/// Prints the line of a monitoring plugin that reports UNKNOWN with this reason, and returns exit code 3. An error's
/// own exit code must not be used, because monitoring would take it for another state.
pub fn unknown(why: &str) -> Exit {
    // If this fails too, there is no other way to report it.
    let _ = output::print(&format!("UNKNOWN - {}\n", one_line(why)));
    Exit::Child(3)
}

/// Returns the text on one line, with vertical bars escaped. A line break would end the plugin's answer, and monitoring
/// systems read performance data after a bar.
pub fn one_line(text: &str) -> String {
    let joined: Vec<&str> = text.split_whitespace().collect();
    escape::terminal(&joined.join(" ")).replace('|', "\\x7c")
}

/// Returns a label's value in Prometheus's text format, with backslashes, quotes and line feeds escaped. Other control
/// characters are escaped as well, because some readers treat them as line breaks.
pub fn label_value(text: &str) -> String {
    let shown: Vec<Cow<'_, str>> = text.split('\n').map(escape::terminal).collect();
    shown.join("\n").replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plugin_answers_has_one_line_and_no_bar_of_somebody_elses() {
        let text = "bad\n\u{2028}OK - fine\r| 'a b'=1;2;3 \u{1b}]0;t\u{7}";
        assert_eq!(one_line(text), "bad OK - fine \\x7c 'a b'=1;2;3 \\x1b]0;t\\x07");
    }

    #[test]
    fn a_label_is_one_value_for_every_reader() {
        assert_eq!(label_value("a\"} 1\nb\\\r\u{2028}\t"), "a\\\"} 1\\nb\\\\\\\\r\\\\u{2028}\\\\t");
    }
}
