//! Reads the facts in CREATE statements.

use super::dump::{Scan, cut, members, unquoted};
use super::facts::Facts;

/// The words with which the parts of a column's definition begin.
const OF_COLUMNS: &[&str] =
    &["COLLATE", "DEFAULT", "NOT NULL", "GENERATED", "CONSTRAINT", "NO INHERIT", "OPTIONS"];

/// The words with which the clauses after the columns of a table begin.
const OF_TABLES: &[&str] = &["INHERITS", "PARTITION BY", "WITH", "SERVER", "OPTIONS"];

/// Writes `fillfactor='70'` and `place 'there'` as describe does: `fillfactor=70`, `place=there`.
fn option(text: &str) -> String {
    let (name, value) = text.split_once(['=', ' ']).unwrap_or((text, ""));
    format!("{}={}", unquoted(name), value.trim().trim_matches('\''))
}

impl Facts {
    pub fn create(&mut self, mut scan: Scan, statement: &str) -> Option<()> {
        let kinds = [
            "UNLOGGED TABLE",
            "FOREIGN TABLE",
            "TABLE",
            "TYPE",
            "VIEW",
            "MATERIALIZED VIEW",
            "SEQUENCE",
            "UNIQUE INDEX",
            "INDEX",
            "CONSTRAINT TRIGGER",
            "TRIGGER",
            "RULE",
            "POLICY",
            "STATISTICS",
            "FUNCTION",
            "PROCEDURE",
            "AGGREGATE",
        ];
        let kind = scan.eat_one(&kinds)?;
        let name = scan.name();
        match kind {
            "UNLOGGED TABLE" | "FOREIGN TABLE" | "TABLE" => self.table(kind, &name, scan),
            "TYPE" if scan.eat("AS ENUM") => Some(()),
            "TYPE" => {
                scan.eat("AS");
                self.columns(&name, scan.parentheses()?);
                Some(())
            }
            "VIEW" | "MATERIALIZED VIEW" => {
                if scan.eat("WITH") {
                    self.options(&name, scan.parentheses()?);
                }
                scan.eat("AS");
                for part in cut(
                    scan.rest(),
                    &["WITH CASCADED CHECK OPTION", "WITH LOCAL CHECK OPTION", "WITH NO DATA"],
                ) {
                    match part.as_str() {
                        "WITH CASCADED CHECK OPTION" => {
                            self.add(&name, "relation", "options", &["check_option=cascaded"])
                        }
                        "WITH LOCAL CHECK OPTION" => {
                            self.add(&name, "relation", "options", &["check_option=local"])
                        }
                        "WITH NO DATA" => self.add(&name, "relation", "kind", &["materialized view"]),
                        query => self.add(&name, "definition", "", &[query]),
                    }
                }
                Some(())
            }
            "SEQUENCE" => {
                self.sequence(&name, scan.rest());
                Some(())
            }
            "UNIQUE INDEX" | "INDEX" => {
                scan.eat("ON");
                scan.eat("ONLY");
                let table = scan.name();
                scan.eat("USING");
                let unique = if kind == "INDEX" { "" } else { "unique" };
                self.add(&table, "index", &unquoted(&name), &[unique, scan.rest()]);
                Some(())
            }
            "CONSTRAINT TRIGGER" | "TRIGGER" => {
                let on = cut(scan.rest(), &["ON"]).into_iter().find(|part| part.starts_with("ON "))?;
                let table = Scan(&on[3..]).name();
                self.add(&table, "trigger", &unquoted(&name), &[statement]);
                Some(())
            }
            "RULE" => {
                let to = cut(scan.rest(), &["TO"]).into_iter().find(|part| part.starts_with("TO "))?;
                let table = Scan(&to[3..]).name();
                self.add(&table, "rule", &unquoted(&name), &[statement]);
                Some(())
            }
            "POLICY" => {
                scan.eat("ON");
                let table = scan.name();
                let parts = cut(scan.rest(), &["AS", "FOR", "TO", "USING", "WITH CHECK"]);
                let parts: Vec<&str> =
                    parts.iter().map(|part| part.strip_prefix("AS ").unwrap_or(part)).collect();
                self.add(&table, "policy", &unquoted(&name), &parts);
                Some(())
            }
            "STATISTICS" => {
                let from = statement.rsplit_once(" FROM ")?.1.to_owned();
                self.add(&from, "extended statistics", &name, &[scan.rest()]);
                self.statistics.insert(name, from);
                Some(())
            }
            _ => self.function(kind, &name, scan),
        }
    }

    fn table(&mut self, kind: &str, name: &str, mut scan: Scan) -> Option<()> {
        match kind {
            "UNLOGGED TABLE" => self.add(name, "relation", "persistence", &["unlogged"]),
            "FOREIGN TABLE" => self.add(name, "relation", "kind", &["foreign table"]),
            _ => {}
        }
        if scan.eat("OF") {
            let of = scan.name();
            self.add(name, "relation", "of type", &[&of]);
        }
        if let Some(columns) = scan.parentheses() {
            self.columns(name, columns);
        }
        for part in cut(scan.rest(), OF_TABLES) {
            let mut scan = Scan(&part);
            let word = scan.eat_one(OF_TABLES)?;
            match word {
                "INHERITS" => {
                    let parents = members(scan.parentheses()?);
                    let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
                    self.add(name, "relation", "inherits", &parents);
                }
                "PARTITION BY" => self.add(name, "relation", "partition key", &[scan.rest()]),
                "WITH" => self.options(name, scan.parentheses()?),
                "SERVER" => self.add(name, "relation", "server", &[scan.rest()]),
                _ => {
                    for one in members(scan.parentheses()?) {
                        self.add(name, "relation", "foreign options", &[&option(&one)]);
                    }
                }
            }
        }
        Some(())
    }

    fn options(&mut self, name: &str, list: &str) {
        for one in members(list) {
            match one.strip_prefix("toast.") {
                Some(one) => self.add(name, "relation", "TOAST options", &[&option(one)]),
                None => self.add(name, "relation", "options", &[&option(&one)]),
            }
        }
    }

    fn columns(&mut self, name: &str, list: &str) {
        for member in members(list) {
            let mut scan = Scan(&member);
            if scan.eat("CONSTRAINT") {
                let constraint = scan.name();
                self.add(name, "constraint", &unquoted(&constraint), &[scan.rest()]);
                continue;
            }
            let column = scan.name();
            self.column(name, &column, scan.rest());
        }
    }

    pub fn column(&mut self, table: &str, column: &str, definition: &str) {
        let mut parts = Vec::new();
        for part in cut(definition, OF_COLUMNS) {
            if let Some(constraint) = part.strip_prefix("CONSTRAINT ") {
                // Only the name of the NOT NULL constraint.
                assert!(!constraint.contains(' '), "{part}");
            } else if part == "NO INHERIT" {
                self.some(table, "constraint", format!("NOT NULL {column} NO INHERIT"));
            } else if part.starts_with("GENERATED ALWAYS AS (") && !part.ends_with("STORED") {
                parts.push(format!("{part} VIRTUAL"));
            } else if let Some(options) = part.strip_prefix("OPTIONS ") {
                for one in members(Scan(options).parentheses().unwrap_or_default()) {
                    parts.push(option(&one));
                }
            } else {
                parts.push(part);
            }
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.add(table, "column", &unquoted(column), &parts);
    }

    pub fn sequence(&mut self, name: &str, text: &str) {
        let words = [
            "AS",
            "START WITH",
            "INCREMENT BY",
            "NO MINVALUE",
            "NO MAXVALUE",
            "MINVALUE",
            "MAXVALUE",
            "CACHE",
            "CYCLE",
        ];
        for part in cut(text, &words) {
            let value = part.rsplit(' ').next().unwrap_or_default();
            match part.split(' ').next().unwrap_or_default() {
                "AS" => self.add(name, "sequence", "type", &[value]),
                "START" => self.exactly(name, "sequence", "start", value.to_owned()),
                "INCREMENT" => self.exactly(name, "sequence", "increment", value.to_owned()),
                "MINVALUE" => self.exactly(name, "sequence", "minimum", value.to_owned()),
                "MAXVALUE" => self.exactly(name, "sequence", "maximum", value.to_owned()),
                "CACHE" if value != "1" => self.exactly(name, "sequence", "cache", value.to_owned()),
                "CYCLE" => self.add(name, "sequence", "cycle", &["yes"]),
                _ => {}
            }
        }
    }

    fn function(&mut self, kind: &str, name: &str, mut scan: Scan) -> Option<()> {
        let arguments = scan.parentheses()?;
        self.add(name, "function", "kind", &[if kind == "FUNCTION" { "" } else { kind }]);
        self.add_if(name, "arguments", arguments);
        if kind == "AGGREGATE" {
            for one in members(scan.parentheses()?) {
                let (word, value) = one.split_once(" = ")?;
                let row = match word {
                    "SFUNC" => "state function",
                    "STYPE" => "state type",
                    "INITCOND" => "initial value",
                    "SORTOP" => "sort operator",
                    "PARALLEL" => "parallel",
                    _ => return None,
                };
                // As in OPERATOR(pg_catalog.<).
                let value = value.trim_matches('\'').trim_start_matches("OPERATOR");
                self.add(name, "function", row, &[value]);
            }
            return Some(());
        }
        let words = [
            "RETURNS",
            "LANGUAGE",
            "WINDOW",
            "IMMUTABLE",
            "STABLE",
            "STRICT",
            "SECURITY DEFINER",
            "LEAKPROOF",
            "PARALLEL",
            "COST",
            "ROWS",
            "SET",
            "AS",
            "RETURN",
            "BEGIN ATOMIC",
        ];
        for part in cut(scan.rest(), &words) {
            let mut scan = Scan(&part);
            match scan.eat_one(&words)? {
                "RETURNS" => self.add(name, "function", "returns", &[scan.rest()]),
                "LANGUAGE" => self.add(name, "function", "language", &[scan.rest()]),
                "WINDOW" => self.add(name, "function", "kind", &["window"]),
                "STRICT" => self.add(name, "function", "strict", &["yes"]),
                "SECURITY DEFINER" => self.add(name, "function", "security", &["definer"]),
                "LEAKPROOF" => self.add(name, "function", "leakproof", &["yes"]),
                "PARALLEL" => self.add(name, "function", "parallel", &[scan.rest()]),
                "COST" => self.exactly(name, "function", "cost", scan.rest().to_owned()),
                "ROWS" => self.exactly(name, "function", "rows", scan.rest().to_owned()),
                "SET" => {
                    let (setting, value) = scan.rest().split_once(" TO ")?;
                    self.add(
                        name,
                        "function",
                        "settings",
                        &[&format!("{setting}={}", value.replace('\'', ""))],
                    );
                }
                "AS" => {
                    let body = scan.rest();
                    let tag = body[1..].find('$')? + 2;
                    self.exactly(name, "definition", "", body[tag..body.len() - tag].to_owned());
                }
                "RETURN" | "BEGIN ATOMIC" => self.add(name, "definition", "", &[&part]),
                volatility => self.add(name, "function", "volatility", &[volatility]),
            }
        }
        Some(())
    }

    /// Adds a fact about a function, unless the text is empty.
    fn add_if(&mut self, object: &str, row: &str, text: &str) {
        if !text.is_empty() {
            self.add(object, "function", row, &[text]);
        }
    }
}
