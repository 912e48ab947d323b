//! Version marks: end-of-line comments in a report's SQL that restrict the line to certain major versions of PostgreSQL.

/// A range of major versions; either end may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    from: Option<u32>,
    to: Option<u32>,
}

impl Range {
    fn holds(self, major: u32) -> bool {
        self.from.is_none_or(|from| from <= major) && self.to.is_none_or(|to| major <= to)
    }
}

/// Splits a line into its text and its mark. A comment that starts like a mark but is malformed is an error.
fn split(line: &str) -> Result<(&str, Option<Range>), String> {
    let Some((rest, comment)) = line.rsplit_once("--") else { return Ok((line, None)) };
    let comment = comment.trim();
    let Some((from, to)) = comment.strip_prefix("pg").and_then(|range| range.split_once("..")) else {
        return Ok((line, None));
    };
    let bad = || format!("invalid version mark {comment:?}: must be pg14.., pg..13 or pg11..13");
    let end = |text: &str| match text {
        "" => Ok(None),
        _ => text.parse().map(Some).map_err(|_| bad()),
    };
    let range = Range { from: end(from)?, to: end(to)? };
    match range {
        Range { from: None, to: None } => Err(bad()),
        Range { from: Some(from), to: Some(to) } if from > to => Err(bad()),
        _ => Ok((rest.trim_end(), Some(range))),
    }
}

/// Checks the marks of a statement. Errors: the line number, counted from 0, and what is wrong with its mark.
pub fn check(sql: &str) -> Result<(), (usize, String)> {
    sql.lines().enumerate().try_for_each(|(i, line)| split(line).map(|_| ()).map_err(|why| (i, why)))
}

/// The statement for a server of this major version. A line marked `-- pg14..` (14 or later), `-- pg..13` (up to 13) or
/// `-- pg11..13` is kept only for those versions, without the mark. The marks must have been checked.
pub fn resolve(sql: &str, major: u32) -> String {
    let kept = sql.lines().filter_map(|line| match split(line) {
        Ok((rest, Some(range))) => range.holds(major).then_some(rest),
        _ => Some(line),
    });
    kept.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_line_stands_on_the_majors_of_its_mark() {
        let sql =
            "SELECT a,\n  old, -- pg..10\n  middle, -- pg11..13\n  new, --pg14..\n  b -- pg the rest\nFROM x";
        let with = |line: &str| format!("SELECT a,\n  {line},\n  b -- pg the rest\nFROM x");
        for (major, line) in [(10, "old"), (11, "middle"), (13, "middle"), (14, "new"), (18, "new")] {
            assert_eq!(resolve(sql, major), with(line), "{major}");
        }
        assert_eq!(check(sql), Ok(()));
    }

    #[test]
    fn a_mark_that_is_none_is_an_error_with_its_line() {
        for mark in ["pg..", "pg13..11", "pgx..", "pg11..y", "pg-1.."] {
            let (line, why) = check(&format!("SELECT\n1 -- {mark}")).unwrap_err();
            assert_eq!(line, 1);
            assert!(why.contains(mark), "{why}");
        }
    }
}
