//! A report's file: the TOML in its first comment, and its statement.

use std::collections::BTreeMap;

use serde::Deserialize;
use tokio_postgres::types::Type;

use super::checks::RawCheck;
use super::model::{Condition, Extension, Param, ParamType, Private, Report, SHARED_FLAGS, Scope, Text};
use crate::connect::ServerVersion;
use crate::error::{Error, Result};
use crate::marks;
use crate::rows::cell::ColumnType;
use crate::rows::{Column, Sections, Tree};
use crate::sql;
use crate::units::{parse_bytes, parse_duration};

/// The header of a file as TOML writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    #[serde(default = "oldest")]
    since: u32,
    needs: Option<String>,
    #[expect(dead_code, reason = "read by people: where the rule or the SQL comes from")]
    source: Option<String>,
    #[serde(default)]
    scope: Scope,
    order: Option<String>,
    #[serde(default)]
    from: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    retry: Vec<String>,
    lock_timeout: Option<String>,
    when: Option<String>,
    flag: Option<String>,
    #[serde(default)]
    fallback: bool,
    extension: Option<String>,
    steps: Option<String>,
    example: Option<String>,
    reading: Option<String>,
    notes: Option<String>,
    tree: Option<Tree>,
    sections: Option<Sections>,
    #[serde(default)]
    key: Vec<String>,
    #[serde(default)]
    private: Vec<String>,
    measure: Option<String>,
    #[serde(default)]
    variants: Vec<String>,
    doubt: Option<String>,
    #[serde(default)]
    incidental: Vec<String>,
    #[serde(default)]
    columns: Vec<String>,
    /// Columns to leave out on a narrow terminal, first to last.
    #[serde(default)]
    wide: Vec<String>,
    /// For each column listed, the value that carries no information.
    #[serde(default)]
    usual: BTreeMap<String, String>,
    #[serde(default, rename = "param")]
    params: Vec<Param>,
    #[serde(default)]
    hidden: Vec<Condition>,
    #[serde(default)]
    cost: Vec<Condition>,
    #[serde(default, rename = "check")]
    checks: Vec<RawCheck>,
}

fn oldest() -> u32 {
    ServerVersion::OLDEST
}

/// All keys of a header. A file whose leading comment contains none of them has no header.
const KEYS: &[&str] = &[
    "since",
    "needs",
    "source",
    "scope",
    "order",
    "retry",
    "lock_timeout",
    "when",
    "flag",
    "fallback",
    "extension",
    "steps",
    "example",
    "reading",
    "notes",
    "key",
    "private",
    "measure",
    "variants",
    "doubt",
    "incidental",
    "tree",
    "sections",
    "columns",
    "wide",
    "usual",
];

/// Returns whether a comment line belongs to a header.
fn is_of_header(comment: &str) -> bool {
    let comment = comment.trim();
    matches!(comment, "[[param]]" | "[[hidden]]" | "[[cost]]" | "[[check]]" | "[from]")
        || comment.split_once('=').is_some_and(|(key, _)| KEYS.contains(&key.trim()))
}

/// Parses one file. `file` is for messages; errors are bad data (65), with file and line.
pub(super) fn parse_file(file: &str, content: &str) -> Result<(Report, Text)> {
    let at = |line: usize, why: &str| Error::data(format!("{file}:{line}: {why}"));
    let comments: Vec<&str> = content.lines().map_while(|line| line.strip_prefix("--")).collect();
    let summary = comments.first().map(|line| line.trim()).unwrap_or_default();
    let has_header = comments.iter().any(|comment| is_of_header(comment));
    if summary.is_empty() && has_header {
        return Err(at(
            1,
            "the first line must be the report's summary, as an SQL comment: -- What it shows.",
        ));
    }
    let body_line = 1 + comments.len();
    // The TOML must keep the file's line numbers, so the summary's line is left empty.
    let toml_text = match comments.get(1..) {
        Some(rest) if has_header => format!("\n{}\n", rest.join("\n")),
        _ => String::new(),
    };
    let header: Header = toml::from_str(&toml_text).map_err(|e| {
        let line = e.span().map_or(2, |span| 1 + toml_text[..span.start.min(toml_text.len())].matches('\n').count());
        at(line, &format!("invalid header: {}", e.message()))
            .hint("a header is TOML in comment lines after the summary: since, columns, [[param]] …; see pgkit man reports")
    })?;
    let line_of = |needle: &str| 1 + toml_text.lines().position(|l| l.contains(needle)).unwrap_or(1);
    let columns = header
        .columns
        .iter()
        .map(|text| {
            let bad = |why: &str| at(line_of("columns"), &format!("column {text:?}: {why}"));
            let (text, is_counter) =
                text.strip_suffix(" counter").map_or((text.as_str(), false), |text| (text, true));
            let (name, kind) = text.rsplit_once(' ').ok_or_else(|| bad("must be \"name type\""))?;
            let (kind, server_type) = ColumnType::by_name(kind).ok_or_else(|| {
                bad(&format!("unknown type {kind:?}")).hint(format!(
                    "known types: {} and arrays of these; cast anything else: col::text",
                    ColumnType::names()
                ))
            })?;
            let name = name.trim().to_owned();
            let wide = header.wide.iter().position(|wide| *wide == name);
            let usual = header.usual.get(&name).cloned();
            Ok(Column { name, kind, server_type, wide, usual, is_counter })
        })
        .collect::<Result<Vec<_>>>()?;
    let named = header.wide.iter().map(|name| ("wide", name));
    let named = named.chain(header.usual.keys().map(|name| ("usual", name)));
    let named = named.chain(header.from.keys().map(|name| ("[from]", name)));
    let order = header.order.as_deref().map(|order| order.split(':').next().unwrap_or(order).to_owned());
    let named = named.chain(order.iter().map(|name| ("order", name)));
    let private = header.private.iter().map(|text| {
        let wrong = || at(line_of("private"), &format!("private: invalid entry {text:?}"));
        Private::parse(text).ok_or_else(wrong)
    });
    let private = private.collect::<Result<Vec<Private>>>()?;
    let others = private.iter().filter_map(|one| one.only.as_ref()).map(|(column, _)| column);
    let named =
        named.chain(private.iter().map(|one| &one.column).chain(others).map(|name| ("private", name)));
    let named = named.chain(header.measure.iter().map(|name| ("measure", name)));
    let named = named.chain(header.doubt.iter().map(|name| ("doubt", name)));
    let named = named.chain(header.incidental.iter().map(|name| ("incidental", name)));
    for (key, name) in named.chain(header.key.iter().map(|name| ("key", name))) {
        if columns.iter().all(|column| column.name != *name) {
            return Err(at(line_of(key), &format!("{key}: unknown column {name:?}")));
        }
    }
    let is_text = |name: &String| columns.iter().any(|c| c.name == *name && c.kind == ColumnType::TEXT);
    if let Some(other) = private.iter().find(|one| !is_text(&one.column)) {
        // A hash is a text.
        let why = format!("private: column {:?} must be a text", other.column);
        return Err(at(line_of("private"), &why));
    }
    for (i, column) in columns.iter().enumerate() {
        if columns[..i].iter().any(|c| c.name == column.name) {
            return Err(at(line_of("columns"), &format!("duplicate column {:?}", column.name)));
        }
    }
    if let Some(tree) = &header.tree {
        let at_tree = |why: &str| at(line_of("tree"), &format!("tree: {why}"));
        if let Some(missing) = tree.columns().find(|name| columns.iter().all(|c| c.name != *name)) {
            return Err(at_tree(&format!("unknown column {missing:?}")));
        }
        if columns.iter().any(|c| c.name == tree.depth && !c.kind.is_whole_number()) {
            return Err(at_tree(&format!("column {:?} must be a whole number", tree.depth)));
        }
    }
    if let Some(sections) = &header.sections {
        let at_sections = |why: &str| at(line_of("sections"), &format!("sections: {why}"));
        if let Some(missing) = sections.columns().find(|name| columns.iter().all(|c| c.name != *name)) {
            return Err(at_sections(&format!("unknown column {missing:?}")));
        }
        if columns.iter().any(|c| Some(&c.name) == sections.level.as_ref() && !c.kind.is_whole_number()) {
            return Err(at_sections("the column of the level must be a whole number"));
        }
    }
    if header.scope == Scope::Pooler {
        let at_scope = |why: &str| at(line_of("scope"), &format!("scope = \"pooler\": {why}"));
        if columns.is_empty() || header.key.is_empty() {
            return Err(at_scope("the header must list the columns and the key"));
        }
        if !header.params.is_empty() {
            return Err(at_scope("the console takes no parameters"));
        }
        let is_read = |column: &Column| [Type::TEXT, Type::INT8, Type::FLOAT8].contains(&column.server_type);
        if let Some(other) = columns.iter().find(|column| !is_read(column)) {
            return Err(at_scope(&format!("column {:?} must be text, int8 or float8", other.name)));
        }
    } else if !header.from.is_empty() {
        return Err(at(line_of("[from]"), "[from] can only be used with scope = \"pooler\""));
    }
    check_params(&header.params)
        .map_err(|(name, why)| at(line_of(&format!("\"{name}\"")), &format!("parameter {name:?}: {why}")))?;
    if let Some(Err(why)) = header.lock_timeout.as_deref().map(parse_duration) {
        return Err(at(line_of("lock_timeout"), &format!("lock_timeout: {why}")));
    }
    let is_flag = |name: &str| header.params.iter().any(|p| p.name == name && p.kind == ParamType::Bool);
    if let Some(flag) = header.flag.as_ref().filter(|flag| !is_flag(flag)) {
        return Err(at(line_of("flag"), &format!("flag {flag:?} must be a parameter of type bool")));
    }
    let extension = match (header.extension, header.steps) {
        (Some(name), steps) => Some(Extension {
            steps: steps.unwrap_or_else(|| format!("CREATE EXTENSION {}", sql::quote_ident(&name))),
            name,
        }),
        (None, None) => None,
        (None, Some(_)) => return Err(at(line_of("steps"), "steps can only be used with extension")),
    };
    let sql = content.lines().skip(body_line - 1).collect::<Vec<_>>().join("\n");
    let mut sql = sql.trim().to_owned();
    let mut scan = sql::scan(&sql);
    // A final semicolon, and any comment after it, is not part of the statement.
    if let Some(end) = scan.separators.first().copied().filter(|end| sql::is_blank(&sql[*end..])) {
        sql.truncate(end);
        scan.separators.clear();
    }
    if sql::is_blank(&sql) {
        return Err(at(body_line, "missing statement after the header"));
    }
    marks::check(&sql).map_err(|(line, why)| at(body_line + line, &why))?;
    let hidden = header.hidden.iter().map(|one| ("[[hidden]]", one));
    for (key, one) in hidden.chain(header.cost.iter().map(|one| ("[[cost]]", one))) {
        marks::check(&one.when).map_err(|(_, why)| at(line_of(key), &why))?;
        if let Some(name) = one.unless.as_ref().filter(|name| !is_flag(name)) {
            let why = format!("{key}: unless {name:?} must be a parameter of type bool");
            return Err(at(line_of(key), &why));
        }
    }
    let checks = header.checks.into_iter().map(|check| check.checked(&columns));
    let checks =
        checks.collect::<std::result::Result<Vec<_>, _>>().map_err(|why| at(line_of("[[check]]"), &why))?;
    let bound: usize = header.params.iter().map(|p| p.kind.server_types().len()).sum();
    if let Some(offset) = scan.separators.first().copied() {
        return Err(at(
            body_line + sql[..offset].matches('\n').count(),
            "a report must be a single statement",
        ));
    }
    if let Some((n, offset)) = scan.placeholders.iter().find(|(n, _)| *n == 0 || *n > bound) {
        return Err(at(
            body_line + sql[..*offset].matches('\n').count(),
            &format!(
                "${n} is used, but the header's parameters bind {bound} (a pattern[] and a term bind two)"
            ),
        ));
    }
    let text = Text {
        file: file.to_owned(),
        columns_line: line_of("columns"),
        sql,
        since: header.since,
        when: header.when,
        flag: header.flag,
        retry: header.retry,
        lock_timeout: header.lock_timeout,
        needs: header.needs,
        tree: header.tree,
        is_fallback: header.fallback,
        hidden: header.hidden,
        cost: header.cost,
        from: header.from,
        extension,
    };
    let report = Report {
        name: String::new(),
        summary: if summary.is_empty() { "A file without a header.".to_owned() } else { summary.to_owned() },
        group: String::new(),
        reading: header.reading,
        notes: header.notes,
        key: header.key,
        private,
        measure: header.measure,
        variants: header.variants,
        doubt: header.doubt,
        incidental: header.incidental,
        params: header.params,
        columns,
        sections: header.sections,
        scope: header.scope,
        order: header.order,
        example: header.example,
        checks,
        texts: Vec::new(),
        own: false,
    };
    Ok((report, text))
}

/// An error in a parameter: its name and the reason.
type ParamFault = (String, String);

fn check_params(params: &[Param]) -> std::result::Result<(), ParamFault> {
    for (i, param) in params.iter().enumerate() {
        let bad = |why: &str| Err((param.name.clone(), why.to_owned()));
        if !param.name.starts_with(|c: char| c.is_ascii_lowercase())
            || !param.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        {
            return bad("the name must begin with a letter and contain only a to z, 0 to 9 and _");
        }
        if SHARED_FLAGS.contains(&param.long().as_str()) {
            return bad("the name is taken by a flag that every report has");
        }
        if params[..i].iter().any(|p| p.name == param.name) {
            return bad("duplicate name");
        }
        if param.kind.is_flag() && (param.default.is_some() || param.positional || param.required) {
            return bad("a bool cannot have a default, nor be positional or required");
        }
        if !param.one_of.is_empty() && !matches!(param.kind, ParamType::Text | ParamType::TextList) {
            return bad("one_of can only be used with text and text[]");
        }
        if let Some(default) =
            param.default.as_ref().filter(|d| !param.one_of.is_empty() && !param.one_of.contains(d))
        {
            return bad(&format!("invalid default {default:?}: must be one of one_of"));
        }
        let fault = match (param.kind, &param.default) {
            (ParamType::Int8, Some(text)) => text.parse::<i64>().err().map(|e| e.to_string()),
            (ParamType::Interval, Some(text)) => parse_duration(text).err(),
            (ParamType::Bytes, Some(text)) => parse_bytes(text).err(),
            _ => None,
        };
        if let Some(why) = fault {
            return bad(&format!("invalid default: {why}"));
        }
        if param.positional && param.required && params[..i].iter().any(|p| p.positional && !p.required) {
            return bad("a required argument cannot follow an optional one");
        }
        let list = |p: &Param| matches!(p.kind, ParamType::TextList | ParamType::Patterns);
        if param.positional && params[..i].iter().any(|p| p.positional && list(p)) {
            return bad("a positional argument cannot follow a positional list");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "-- Shows one.\n--\n-- since = 10\n-- columns = [\"a int4\", \"b_bytes int8\"]\n-- [[param]]\n-- name = \"n\"\n-- type = \"int8\"\n-- help = \"how many\"\nSELECT 1 AS a, $1 AS b_bytes;\n";

    fn fault(content: &str) -> String {
        parse_file("x.sql", content).unwrap_err().message
    }

    #[test]
    fn a_header_is_data() {
        let (report, text) = parse_file("x.sql", GOOD).unwrap();
        assert_eq!(report.summary, "Shows one.");
        assert_eq!(report.params[0].long(), "n");
        assert_eq!(report.columns[1].name, "b_bytes");
        assert_eq!(text.sql, "SELECT 1 AS a, $1 AS b_bytes");
        let (_, text) =
            parse_file("x.sql", &GOOD.replace("$1 AS", "\n-- pg..14\n0 + -- pg15..\n$1 AS")).unwrap();
        assert_eq!(text.for_server(14).sql, "SELECT 1 AS a, \n\n$1 AS b_bytes");
        assert_eq!(text.for_server(15).sql, "SELECT 1 AS a, \n0 +\n$1 AS b_bytes");
    }

    #[test]
    fn a_file_without_a_header_is_a_report_whose_columns_are_asked_for() {
        for (content, summary) in [
            ("SELECT 1 AS a;", "A file without a header."),
            ("-- Shows one.\nSELECT 1 AS a", "Shows one."),
            ("-- Shows one.\n-- It is = to one.\nSELECT 1 AS a", "Shows one."),
        ] {
            let (report, text) = parse_file("x.sql", content).unwrap();
            assert_eq!((report.summary.as_str(), text.sql.as_str()), (summary, "SELECT 1 AS a"));
            assert!(report.columns.is_empty() && text.since == ServerVersion::OLDEST);
        }
    }

    #[test]
    fn a_header_for_the_console_of_a_pooler_lists_its_columns() {
        let good = "-- Pools.\n--\n-- scope = \"pooler\"\n-- key = [\"user\"]\n-- columns = [\"user text\", \"wait_s float8\"]\n-- [from]\n-- wait_s = [\"maxwait\", \"maxwait_us\"]\nSHOW POOLS;\n";
        let (report, text) = parse_file("x.sql", good).unwrap();
        assert_eq!((report.scope, text.sql.as_str()), (Scope::Pooler, "SHOW POOLS"));
        assert_eq!(text.from["wait_s"], ["maxwait", "maxwait_us"]);
        for (from, to, why) in [
            ("wait_s =", "wait =", "[from]: unknown column \"wait\""),
            ("-- key", "-- order = \"wait:desc\"\n-- key", "order: unknown column \"wait\""),
            ("float8", "bool", "column \"wait_s\" must be text, int8 or float8"),
            ("-- key", "-- source = 'x' # key", "must list the columns and the key"),
            ("-- scope = \"pooler\"\n", "", "[from] can only be used"),
            (
                "-- [from]",
                "-- [[param]]\n-- name = \"n\"\n-- type = \"int8\"\n-- help = \"h\"\n-- [from]",
                "no parameters",
            ),
        ] {
            assert!(good.contains(from), "{from}");
            let fault = fault(&good.replace(from, to));
            assert!(fault.contains(why), "{fault}");
        }
    }

    #[test]
    fn a_header_that_lies_is_named_with_file_and_line() {
        assert!(fault("--\n-- since = 10\nSELECT 1").starts_with("x.sql:1: the first line"));
        assert!(fault(&GOOD.replace("since", "sinc")).starts_with("x.sql:3: invalid header: unknown field"));
        assert!(
            fault(&GOOD.replace("a int4", "a mood"))
                .starts_with("x.sql:4: column \"a mood\": unknown type \"mood\"")
        );
        assert!(
            fault(&GOOD.replace("\"n\"", "\"limit\""))
                .starts_with("x.sql:6: parameter \"limit\": the name is taken by a flag")
        );
        assert!(fault(&GOOD.replace("$1 AS", "$1 -- pg..\nAS")).starts_with("x.sql:9: invalid version mark"));
        assert!(fault(&GOOD.replace("$1", "$2")).starts_with("x.sql:9: $2 is used"));
        assert!(
            fault(&GOOD.replace("SELECT 1", "SELECT 1; SELECT 2"))
                .starts_with("x.sql:9: a report must be a single statement")
        );
        assert!(fault(&GOOD.replace("b_bytes int8", "a int8")).contains("duplicate column"));
        let tree = |depth: &str| {
            let tree =
                format!("-- tree = {{ node = \"a\", parent = \"t\", depth = \"{depth}\" }}\n-- columns");
            GOOD.replace("-- columns", &tree).replace("b_bytes int8", "t text")
        };
        assert!(parse_file("x.sql", &tree("a").replace("$1 AS", "'' AS")).is_ok());
        assert_eq!(fault(&tree("d")), "x.sql:4: tree: unknown column \"d\"");
        assert_eq!(fault(&tree("t")), "x.sql:4: tree: column \"t\" must be a whole number");
    }
}
