//! Version marks: end-of-line comments in a report's SQL that restrict the line to certain major versions of PostgreSQL,
//! or to certain versions of an extension.

/// What a mark is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The major version of the server: `-- pg14..`.
    Server,
    /// The version of the extension that a report needs: `-- ext1.8..`.
    Extension,
}

impl Subject {
    const ALL: [Subject; 2] = [Subject::Server, Subject::Extension];

    /// The word that a mark begins with, and an example of each form.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Subject::Server => ("pg", "pg14.., pg..13 or pg11..13"),
            Subject::Extension => ("ext", "ext1.8.., ext..1.7 or ext1.5..1.7"),
        }
    }

    /// Parses one end of a range.
    fn parse(self, text: &str) -> Option<(u32, u32)> {
        let number = |text: &str| text.parse().ok();
        match (self, text.split_once('.')) {
            (Subject::Server, None) => Some((number(text)?, 0)),
            (Subject::Extension, Some((major, minor))) => Some((number(major)?, number(minor)?)),
            _ => None,
        }
    }
}

/// A range of versions; either end may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    subject: Subject,
    from: Option<(u32, u32)>,
    to: Option<(u32, u32)>,
}

impl Range {
    fn holds(self, version: (u32, u32)) -> bool {
        self.from.is_none_or(|from| from <= version) && self.to.is_none_or(|to| version <= to)
    }
}

/// Splits a line into its text and its mark. A comment that starts like a mark but is malformed is an error.
fn split(line: &str) -> Result<(&str, Option<Range>), String> {
    let Some((rest, comment)) = line.rsplit_once("--") else { return Ok((line, None)) };
    let comment = comment.trim();
    let found = Subject::ALL.into_iter().find_map(|subject| {
        let (from, to) = comment.strip_prefix(subject.words().0)?.split_once("..")?;
        Some((subject, from, to))
    });
    let Some((subject, from, to)) = found else { return Ok((line, None)) };
    let bad = || format!("invalid version mark {comment:?}: must be {}", subject.words().1);
    let end = |text: &str| match text {
        "" => Ok(None),
        _ => subject.parse(text).map(Some).ok_or_else(bad),
    };
    let range = Range { subject, from: end(from)?, to: end(to)? };
    match (range.from, range.to) {
        (None, None) => Err(bad()),
        (Some(from), Some(to)) if from > to => Err(bad()),
        _ => Ok((rest.trim_end(), Some(range))),
    }
}

/// Checks the marks of a statement. Errors: the line number, counted from 0, and what is wrong with its mark.
pub fn check(sql: &str) -> Result<(), (usize, String)> {
    sql.lines().enumerate().try_for_each(|(i, line)| split(line).map(|_| ()).map_err(|why| (i, why)))
}

/// The statement for this version of the server, as `(major, 0)`, or of the extension. A line marked `-- pg14..` (14 or
/// later), `-- pg..13` (up to 13) or `-- pg11..13` is kept only for those versions, without the mark; marks of the
/// other subject stay. The marks must have been checked.
pub fn resolve(sql: &str, subject: Subject, version: (u32, u32)) -> String {
    let kept = sql.lines().filter_map(|line| match split(line) {
        Ok((rest, Some(range))) if range.subject == subject => range.holds(version).then_some(rest),
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
            assert_eq!(resolve(sql, Subject::Server, (major, 0)), with(line), "{major}");
        }
        assert_eq!(check(sql), Ok(()));
    }

    #[test]
    fn a_line_may_depend_on_the_version_of_an_extension() {
        let sql = "SELECT a\n, old -- ext..1.7\n, new -- ext1.8..1.10\n, server -- pg15..";
        let of = |version| resolve(sql, Subject::Extension, version);
        assert_eq!(of((1, 7)), "SELECT a\n, old\n, server -- pg15..");
        assert_eq!(of((1, 10)), "SELECT a\n, new\n, server -- pg15..");
        assert_eq!(of((1, 11)), "SELECT a\n, server -- pg15..");
        assert_eq!(check(sql), Ok(()));
    }

    #[test]
    fn a_mark_that_is_none_is_an_error_with_its_line() {
        for mark in ["pg..", "pg13..11", "pgx..", "pg11..y", "pg-1..", "ext8..", "pg14.1..", "ext1.9..1.8"] {
            let (line, why) = check(&format!("SELECT\n1 -- {mark}")).unwrap_err();
            assert_eq!(line, 1);
            assert!(why.contains(mark), "{why}");
        }
    }
}
