//! Removes the varying parts of messages and plans, so that similar ones can be grouped, and finds the kind of an
//! event.

/// Returns the message with `?` for numbers and data. The names of objects are kept. A quoted text is data if it is
/// long or has blanks, in messages of the SQLSTATE class 22 (data exception) and in syntax errors.
pub fn message(sqlstate: &[u8], message: &[u8]) -> Vec<u8> {
    let is_syntax_error = sqlstate == b"42601" || message.starts_with(b"syntax error at or near");
    let is_data = sqlstate.starts_with(b"22") || is_syntax_error || message.starts_with(b"invalid input");
    let mut out = Vec::with_capacity(message.len());
    let mut rest = message;
    while let Some((&b, after)) = rest.split_first() {
        if b == b'"'
            && let Some(len) = closing(after)
        {
            let name = &after[..len];
            let is_name = !is_data && name.len() < 128 && !name.iter().any(u8::is_ascii_whitespace);
            out.extend_from_slice(b"\"");
            out.extend_from_slice(if is_name { name } else { b"?" });
            out.extend_from_slice(b"\"");
            rest = &after[len + 1..];
        } else if b.is_ascii_digit() && !out.last().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
            let len = rest.iter().take_while(|b| b.is_ascii_hexdigit() || **b == b'/').count();
            out.push(b'?');
            rest = &rest[len..];
        } else {
            out.push(b);
            rest = after;
        }
    }
    out
}

/// Returns the position of the closing quote. A quoted text may contain quotes, so the closing one is the first before
/// the end of the message, a blank or punctuation.
fn closing(text: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'"', text).find(|at| {
        text.get(at + 1)
            .is_none_or(|b| b.is_ascii_whitespace() || matches!(b, b'.' | b',' | b':' | b';' | b')' | b'('))
    })
}

/// Returns the nodes of a plan without costs, rows and conditions. For a plan in JSON, XML or YAML, returns the lines
/// with the types and names of the nodes.
pub fn plan(plan: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if matches!(plan.trim_ascii_start().first(), Some(b'{' | b'[' | b'<'))
        || plan.trim_ascii_start().starts_with(b"Plan:")
        || plan.starts_with(b"Query Text:")
    {
        for line in plan.split(|b| *b == b'\n') {
            let line = line.trim_ascii();
            let keys = [
                "Node Type",
                "Node-Type",
                "Relation Name",
                "Relation-Name",
                "Index Name",
                "Index-Name",
                "Join Type",
                "Join-Type",
            ];
            if keys.iter().any(|key| memchr::memmem::find(line, key.as_bytes()).is_some_and(|at| at < 3)) {
                out.extend_from_slice(line);
                out.push(b'\n');
            }
        }
        return out;
    }
    for (i, line) in plan.split(|b| *b == b'\n').enumerate() {
        let trimmed = line.trim_ascii_start();
        let node = trimmed.strip_prefix(b"->").map(<[u8]>::trim_ascii_start);
        if let Some(node) = node.or((i == 0).then_some(trimmed)) {
            let end = memchr::memmem::find(node, b"  (").unwrap_or(node.len());
            out.extend(std::iter::repeat_n(b' ', (line.len() - trimmed.len()) / 2));
            out.extend_from_slice(&node[..end]);
            out.push(b'\n');
        }
    }
    out
}

/// Returns how many rows the topmost node of a plan returned, if that was measured.
pub fn plan_rows(plan: &[u8]) -> Option<u64> {
    // In a plan in JSON, XML or YAML, the first row count is that of the topmost node.
    let keys = [&b"\"Actual Rows\": "[..], b"<Actual-Rows>", b"\nActual Rows: ", b" Actual Rows: "];
    let document = keys.iter().find_map(|key| Some(memchr::memmem::find(plan, key)? + key.len()));
    let at = match document {
        Some(at) => at,
        None => {
            let first = memchr::memchr(b'\n', plan).unwrap_or(plan.len());
            let actual = memchr::memmem::find(&plan[..first], b"(actual ")?;
            actual + memchr::memmem::find(&plan[actual..first], b"rows=")? + b"rows=".len()
        }
    };
    let len = plan[at..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let rows: f64 = std::str::from_utf8(&plan[at..at + len]).ok()?.parse().ok()?;
    Some(rows.round() as u64)
}

/// Returns the kind of event that a message reports; `None` if it is not an event, such as an ordinary error.
pub fn event(severity_is_error: bool, sqlstate: &[u8], message: &[u8]) -> Option<&'static str> {
    let begins = |words: &[&str]| words.iter().any(|word| message.starts_with(word.as_bytes()));
    let has =
        |words: &[&str]| words.iter().any(|word| memchr::memmem::find(message, word.as_bytes()).is_some());
    match sqlstate {
        // A function has raised it, so its text may be anything.
        b"P0001" => return None,
        b"57014" => return Some("cancelled"),
        b"57P01" | b"57P05" | b"25P03" | b"25P04" => return Some("terminated"),
        b"57P02" => return Some("crash"),
        b"40P01" => return Some("deadlock"),
        b"53200" => return Some("out of memory"),
        b"53100" => return Some("disk full"),
        b"53300" => return Some("too many connections"),
        b"XX001" | b"XX002" => return Some("corruption"),
        _ => {}
    }
    if severity_is_error {
        return if begins(&[
            "canceling statement due to conflict with recovery",
            "terminating connection due to conflict with recovery",
        ]) {
            Some("recovery conflict")
        } else if begins(&["canceling statement", "canceling autovacuum task"]) {
            Some("cancelled")
        } else if begins(&[
            "terminating connection",
            "terminating background worker",
            "terminating autovacuum process",
            "terminating logical replication worker",
            "terminating walreceiver process",
            "terminating walsender process",
        ]) {
            Some("terminated")
        } else if begins(&["deadlock detected"]) {
            Some("deadlock")
        } else if begins(&["out of memory"]) {
            Some("out of memory")
        } else if has(&["No space left on device"]) {
            Some("disk full")
        } else if begins(&[
            "sorry, too many clients already",
            "remaining connection slots are reserved",
            "too many connections for",
        ]) {
            Some("too many connections")
        } else if begins(&["invalid page in block", "could not read block"]) {
            Some("corruption")
        } else if has(&["WAL segment"])
            || has(&["replication slot"])
            || begins(&[
                "could not receive data from WAL stream",
                "could not connect to the primary",
                "streaming replication receiver",
            ])
        {
            Some("replication")
        } else {
            None
        };
    }
    if has(&["was terminated by signal", "was terminated by exception"])
        || begins(&[
            "terminating any other active server processes",
            "all server processes terminated; reinitializing",
            "database system was not properly shut down",
            "database system was interrupted while in recovery",
        ])
        || (begins(&["server process ("])
            && has(&[") exited with exit code"])
            && !message.ends_with(b"exited with exit code 0"))
    {
        Some("crash")
    } else if begins(&[
        "starting PostgreSQL",
        "database system is ready to accept",
        "database system is shut down",
        "database system was shut down",
        // A standby that was made from a backup starts like this, too. After a crash, "was not properly shut down" follows.
        "database system was interrupted",
        "received fast shutdown request",
        "received smart shutdown request",
        "received immediate shutdown request",
        "aborting any active transactions",
        "redo starts at",
        "redo done at",
        "entering standby mode",
        "consistent recovery state reached",
    ]) {
        Some("restart")
    } else if begins(&["received SIGHUP", "parameter \""]) {
        Some("configuration")
    } else if begins(&["archive command", "archiving write-ahead log file", "archiving transaction log file"])
    {
        Some("archiving")
    } else if begins(&[
        "started streaming WAL",
        "replication terminated by primary",
        "standby \"",
        "logical replication",
        "recovery still waiting",
        "recovery finished waiting",
        "invalidating obsolete replication slot",
        "terminating process",
        "new timeline",
        "selected new timeline",
        "received promote request",
        "terminating walsender",
        "starting logical decoding",
        "logical decoding found",
    ]) {
        Some("replication")
    } else if has(&["must be vacuumed within", "is not accepting commands to avoid wraparound"]) {
        Some("wraparound")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_differ_in_their_data_are_one() {
        for (state, text, is) in [
            ("42P01", "relation \"a1\" does not exist", "relation \"a1\" does not exist"),
            (
                "22P02",
                "invalid input syntax for type integer: \"12 \"x\"\"",
                "invalid input syntax for type integer: \"?\"",
            ),
            ("42601", "syntax error at or near \"FORM\"", "syntax error at or near \"?\""),
            ("", "invalid input syntax for type uuid: \"\"", "invalid input syntax for type uuid: \"?\""),
            (
                "23505",
                "duplicate key value violates unique constraint \"items_pkey\"",
                "duplicate key value violates unique constraint \"items_pkey\"",
            ),
            (
                "00000",
                "server process (PID 4711) was terminated by signal 9: Killed",
                "server process (PID ?) was terminated by signal ?: Killed",
            ),
            (
                "00000",
                "started streaming WAL from primary at 0/3000000 on timeline 1",
                "started streaming WAL from primary at ? on timeline ?",
            ),
            ("", "never \"closed", "never \"closed"),
        ] {
            assert_eq!(String::from_utf8(message(state.as_bytes(), text.as_bytes())).unwrap(), is);
        }
    }

    #[test]
    fn plans_that_differ_in_costs_and_rows_are_one() {
        let one = b"Nested Loop  (cost=0.00..1.00 rows=1 width=4) (actual time=0.01..0.02 rows=3 loops=1)\n  ->  Seq Scan on a  (cost=0.00..1.00 rows=1 width=4)\n        Filter: (a = 1)\n  ->  Index Scan using i on b  (cost=1)";
        let other = b"Nested Loop  (cost=9.00..9.00 rows=9 width=4) (actual time=0.01..0.02 rows=3.00 loops=1)\n  ->  Seq Scan on a  (cost=0.00..1.00 rows=1 width=4)\n        Filter: (a = 2)\n  ->  Index Scan using i on b  (cost=1)";
        assert_eq!(plan(one), plan(other));
        assert_eq!(
            String::from_utf8(plan(one)).unwrap(),
            "Nested Loop\n Seq Scan on a\n Index Scan using i on b\n"
        );
        assert_eq!((plan_rows(one), plan_rows(other), plan_rows(b"Result")), (Some(3), Some(3), None));
        let json = b"{\n  \"Plan\": {\n    \"Node Type\": \"Seq Scan\",\n    \"Relation Name\": \"a\",\n    \"Total Cost\": 1\n";
        assert_eq!(
            String::from_utf8(plan(json)).unwrap(),
            "\"Node Type\": \"Seq Scan\",\n\"Relation Name\": \"a\",\n"
        );
    }
}
