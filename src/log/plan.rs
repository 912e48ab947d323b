//! A plan as auto_explain logs it: the statement, followed by the plan as text, JSON, XML or YAML.

use std::borrow::Cow;

/// The text that auto_explain writes after the duration.
pub const MARK: &[u8] = b"plan:\n";

/// A plan, separated from its statement.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan<'a> {
    /// The statement; empty if there is none.
    pub statement: Cow<'a, [u8]>,
    /// The parameter values, from PostgreSQL 16 on.
    pub parameters: Cow<'a, [u8]>,
    /// The plan itself. If the format is a single document, this is the whole document.
    pub plan: &'a [u8],
}

/// Splits the text that follows [`MARK`].
pub fn parse(text: &[u8]) -> Plan<'_> {
    let found = match text.trim_ascii_start().first() {
        Some(b'{' | b'[') => json(text),
        Some(b'<') => xml(text),
        _ => yaml(text).or_else(|| plain(text)),
    };
    found.unwrap_or(Plan { statement: Cow::default(), parameters: Cow::default(), plan: text })
}

/// Splits `Query Text: SELECT …`, perhaps `Query Parameters: …`, and the plan. The plan's first line is not
/// indented and ends with its costs; the rest of the plan is indented.
fn plain(text: &[u8]) -> Option<Plan<'_>> {
    let rest = text.strip_prefix(b"Query Text: ")?;
    // A statement may contain a line that looks like that, so the last one counts.
    let mut top = None;
    let mut from = 0;
    for line in rest.split_inclusive(|b| *b == b'\n') {
        let at_margin = line.first().is_some_and(|b| !b.is_ascii_whitespace());
        if from > 0 && at_margin && memchr::memmem::find(line, b"  (cost=").is_some() {
            top = Some(from);
        }
        from += line.len();
    }
    let (head, plan) = rest.split_at(top?);
    let head = head.strip_suffix(b"\n").unwrap_or(head);
    let (statement, parameters) = match memchr::memmem::rfind(head, b"\nQuery Parameters: ") {
        Some(at) => (&head[..at], &head[at + b"\nQuery Parameters: ".len()..]),
        None => (head, &b""[..]),
    };
    Some(Plan { statement: statement.into(), parameters: parameters.into(), plan })
}

fn json(text: &[u8]) -> Option<Plan<'_>> {
    #[derive(serde::Deserialize)]
    struct Explained {
        #[serde(rename = "Query Text")]
        text: String,
        #[serde(rename = "Query Parameters", default)]
        parameters: String,
    }
    let whole = String::from_utf8_lossy(text);
    let explained: Explained = serde_json::from_str(&whole).ok()?;
    Some(Plan {
        statement: explained.text.into_bytes().into(),
        parameters: explained.parameters.into_bytes().into(),
        plan: text,
    })
}

fn xml(text: &[u8]) -> Option<Plan<'_>> {
    let element = |name: &str| {
        let begin = format!("<{name}>");
        let from = memchr::memmem::find(text, begin.as_bytes())? + begin.len();
        let len = memchr::memmem::find(&text[from..], format!("</{name}>").as_bytes())?;
        let raw = String::from_utf8_lossy(&text[from..from + len]);
        let mut plain = raw.into_owned();
        for (escape, means) in [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&apos;", "'"),
            ("&#x0d;", "\r"),
            ("&amp;", "&"),
        ] {
            plain = plain.replace(escape, means);
        }
        Some(plain.into_bytes())
    };
    Some(Plan {
        statement: element("Query-Text")?.into(),
        parameters: element("Query-Parameters").unwrap_or_default().into(),
        plan: text,
    })
}

/// Splits YAML, in which the statement is in double quotes, with JSON's escapes.
fn yaml(text: &[u8]) -> Option<Plan<'_>> {
    let value = |line: &[u8], key: &[u8]| -> Option<String> {
        serde_json::from_slice(line.trim_ascii().strip_prefix(key)?.trim_ascii()).ok()
    };
    let mut lines = text.split(|b| *b == b'\n');
    let statement = value(lines.next()?, b"Query Text: ")?;
    let next = lines.next()?;
    let parameters = value(next, b"Query Parameters: ");
    let plan = if parameters.is_some() { lines.next()? } else { next };
    plan.trim_ascii().starts_with(b"Plan:").then(|| Plan {
        statement: statement.into_bytes().into(),
        parameters: parameters.unwrap_or_default().into_bytes().into(),
        plan: text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_of_a_plan_gives_the_statement_and_the_plan() {
        let sql = "SELECT \"a\" <b> & 'x'\n  FROM t -- Seq Scan on t  (cost=1..2)\nWHERE id = $1";
        let tree = "Seq Scan on t  (cost=0.00..1.01 rows=1 width=4) (actual time=0.1..0.2 rows=1 loops=1)\n  Filter: (id = 1)\n  ->  Result  (cost=0.00..0.01 rows=1 width=4)";
        let quoted = serde_json::to_string(sql).unwrap();
        let xml = sql.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        for (text, parameters) in [
            (format!("Query Text: {sql}\n{tree}"), ""),
            (format!("Query Text: {sql}\nQuery Parameters: $1 = 'a\nb'\n{tree}"), "$1 = 'a\nb'"),
            (
                format!(
                    "{{\n  \"Query Text\": {quoted},\n  \"Plan\": {{\n    \"Node Type\": \"Seq Scan\"\n  }}\n}}"
                ),
                "",
            ),
            (
                format!("{{\"Query Text\": {quoted}, \"Query Parameters\": \"$1 = '2'\", \"Plan\": {{}}}}"),
                "$1 = '2'",
            ),
            (
                format!(
                    "<explain xmlns=\"x\">\n  <Query-Text>{xml}</Query-Text>\n  <Plan></Plan>\n</explain>"
                ),
                "",
            ),
            (format!("Query Text: {quoted}\nPlan: \n  Node Type: \"Seq Scan\""), ""),
            (format!("Query Text: {quoted}\nQuery Parameters: \"$1 = '3'\"\nPlan: \n  x: 1"), "$1 = '3'"),
        ] {
            let plan = parse(text.as_bytes());
            assert_eq!(String::from_utf8_lossy(&plan.statement), sql, "{text}");
            assert_eq!(String::from_utf8_lossy(&plan.parameters), parameters, "{text}");
            assert!(text.as_bytes().ends_with(plan.plan) && !plan.plan.is_empty(), "{text}");
        }
        let odd = parse(b"something else");
        assert!(odd.statement.is_empty() && odd.plan == b"something else");
    }
}
