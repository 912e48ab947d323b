//! Lengths of time and sizes, as users write them.

use std::time::Duration;

use crate::error::{Error, Result};

/// Parses a length of time with a unit (`100ms`, `10m`, `1h30m`, `2d`), or `0`. A day has 24 hours. The error says what is
/// right.
pub fn parse_duration(text: &str) -> std::result::Result<Duration, String> {
    let right = "must be a number with a unit, such as 500ms, 10s, 5m, 1h30m or 2d; 0 is no limit";
    if text.trim() == "0" {
        return Ok(Duration::ZERO);
    }
    let parsed = text
        .parse()
        .and_then(|span: jiff::Span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()))
        .map_err(|_| format!("invalid duration {text:?}: {right}"))?;
    Duration::try_from(parsed).map_err(|_| format!("negative duration {text:?}: {right}"))
}

/// Parses a length of time that the server accepts as a timeout: its milliseconds must fit in 31 bits.
pub fn parse_timeout(text: &str) -> std::result::Result<Duration, String> {
    let limit = parse_duration(text)?;
    if i32::try_from(limit.as_millis()).is_err() {
        return Err(format!("invalid timeout {text:?}: must be at most 24 days; 0 is no limit"));
    }
    Ok(limit)
}

/// Parses a size with a unit of 1024 (`512kB`, `1GB`), or a number of bytes.
pub fn parse_bytes(text: &str) -> std::result::Result<i64, String> {
    parse_size::Config::new()
        .with_binary()
        .parse_size(text)
        .ok()
        .and_then(|n| i64::try_from(n).ok())
        .ok_or_else(|| format!("invalid size {text:?}: must be a number, or one with kB, MB, GB or TB"))
}

/// Parses the seconds between two answers of `--watch`, above 0. Errors: wrong usage (64).
pub fn parse_seconds(text: &str) -> Result<Duration> {
    text.parse()
        .ok()
        .filter(|s: &f64| s.is_finite() && *s > 0.0)
        .and_then(|s| Duration::try_from_secs_f64(s).ok())
        .filter(|d| !d.is_zero())
        .ok_or_else(|| {
            Error::usage(format!("--watch: invalid interval {text:?}: must be a number of seconds above 0"))
                .hint("use --watch 2 or --watch 0.5")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_a_unit() {
        assert_eq!(parse_duration("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
        assert!(
            parse_duration("10").is_err()
                && parse_duration("-5s").is_err()
                && parse_duration("soon").is_err()
        );
    }
}
