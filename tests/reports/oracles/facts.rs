//! Turns a dump into facts about relations and functions.

use std::collections::BTreeMap;

use super::dump::{Scan, cut, members, statements, token, unquoted};

/// Something that an answer of describe must say.
#[derive(Debug, Clone)]
pub struct Fact {
    /// The name of the relation or function, as in the dump.
    pub object: String,
    pub section: &'static str,
    /// The name of the row; `None` is any row of the section.
    pub name: Option<String>,
    /// What the row's detail must contain, apart from style; `None` means that there must be no such row.
    pub holds: Option<Vec<String>>,
    /// What the detail must contain to the letter.
    pub exactly: Vec<String>,
}

/// Statements that say nothing about a relation or a function.
const OTHERS: &[&str] = &[
    "SET ",
    "SELECT pg_catalog.set_config",
    "\\restrict",
    "\\unrestrict",
    "CREATE SCHEMA",
    "ALTER SCHEMA",
    "CREATE COLLATION",
    "ALTER COLLATION",
    "CREATE DOMAIN",
    "ALTER DOMAIN",
    "CREATE FOREIGN DATA WRAPPER",
    "ALTER FOREIGN DATA WRAPPER",
    "CREATE SERVER",
    "ALTER SERVER",
    "CREATE EXTENSION",
    "COMMENT ON EXTENSION",
    "CREATE PUBLICATION",
    "ALTER TYPE",
];

/// Returns all facts of a dump. Panics at a statement that no rule reads, so that nothing is skipped unnoticed.
pub fn facts(dump: &str) -> Vec<Fact> {
    let mut facts = Facts::default();
    for statement in statements(dump) {
        if OTHERS.iter().any(|other| statement.starts_with(other)) {
            continue;
        }
        assert!(facts.read(&statement).is_some(), "no rule reads this statement:\n{statement}");
    }
    facts.all
}

/// Reads `PRIVILEGES ON kind object`. `Some(None)` is a schema, which describe does not show.
fn on(scan: &mut Scan<'_>) -> Option<Option<(String, String)>> {
    let privileges = cut(scan.rest(), &["ON"]).into_iter().next()?;
    *scan = Scan(scan.rest()[privileges.len()..].trim_start());
    scan.eat("ON");
    if scan.eat("SCHEMA") {
        return Some(None);
    }
    scan.eat_one(&["TABLE", "SEQUENCE", "FUNCTION"])?;
    let object = scan.name();
    scan.parentheses();
    Some(Some((privileges, object)))
}

/// Returns a text in lower case and without spaces, parentheses and `pg_catalog.`, in which pg_dump and describe may differ
/// although they mean the same.
pub fn plain(text: &str) -> String {
    let text = text.replace("pg_catalog.", "").to_lowercase();
    text.chars().filter(|c| !c.is_whitespace() && *c != '(' && *c != ')').collect()
}

/// Returns the value of a string literal.
fn value(literal: &str) -> String {
    let inner = literal.trim().strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    inner.unwrap_or_else(|| panic!("no literal: {literal}")).replace("''", "'")
}

/// Splits a name before its last part.
pub fn parent_and_last(name: &str) -> (String, String) {
    let (mut at, mut dot) = (0, 0);
    while at < name.len() {
        if name[at..].starts_with('.') {
            dot = at;
        }
        at += token(&name[at..]);
    }
    (name[..dot].to_owned(), unquoted(&name[dot + 1..]))
}

/// The facts read so far.
#[derive(Default)]
pub struct Facts {
    pub all: Vec<Fact>,
    /// The table of each statistics object.
    pub statistics: BTreeMap<String, String>,
}

impl Facts {
    /// Adds that the row with this name holds these texts, apart from style.
    pub fn add(&mut self, object: &str, section: &'static str, name: &str, holds: &[&str]) {
        let holds = holds.iter().map(|text| (*text).to_owned()).collect();
        self.push(object, section, Some(name), Some(holds), Vec::new());
    }

    /// Adds that the row with this name holds this text to the letter.
    pub fn exactly(&mut self, object: &str, section: &'static str, name: &str, text: String) {
        self.push(object, section, Some(name), Some(Vec::new()), vec![text]);
    }

    /// Adds that some row of the section holds this text, apart from style.
    pub fn some(&mut self, object: &str, section: &'static str, text: String) {
        self.push(object, section, None, Some(vec![text]), Vec::new());
    }

    fn push(
        &mut self,
        object: &str,
        section: &'static str,
        name: Option<&str>,
        holds: Option<Vec<String>>,
        exactly: Vec<String>,
    ) {
        let (object, name) = (object.to_owned(), name.map(str::to_owned));
        self.all.push(Fact { object, section, name, holds, exactly });
    }

    /// Reads one statement; `None` if no rule fits.
    fn read(&mut self, statement: &str) -> Option<()> {
        let mut scan = Scan(statement);
        if scan.eat("CREATE") {
            self.create(scan, statement)
        } else if scan.eat("ALTER") {
            self.alter(scan)
        } else if scan.eat("COMMENT ON") {
            self.comment(scan)
        } else if scan.eat("GRANT") {
            self.grant(scan)
        } else if scan.eat("REVOKE") {
            // A newer pg_dump lists every privilege of an older server instead of ALL.
            let Some((_, object)) = on(&mut scan)? else { return Some(()) };
            let grantee = scan.rest().strip_prefix("FROM ")?;
            self.push(&object, "privilege", Some(grantee), None, Vec::new());
            Some(())
        } else {
            None
        }
    }

    fn comment(&mut self, mut scan: Scan) -> Option<()> {
        let of_relations =
            ["FOREIGN TABLE", "TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "INDEX", "TYPE"];
        let of_functions = ["FUNCTION", "PROCEDURE", "AGGREGATE"];
        let of_parts = ["CONSTRAINT", "TRIGGER", "POLICY", "RULE"];
        if scan.eat("COLUMN") {
            let (table, column) = parent_and_last(&scan.name());
            scan.eat("IS");
            let text = value(scan.rest()).replace('\n', " ");
            self.exactly(&table, "column", &column, format!("-- {text}"));
        } else if let Some(kind) = scan.eat_one(&of_parts) {
            let part = unquoted(&scan.name());
            scan.eat("ON");
            let table = scan.name();
            scan.eat("IS");
            self.exactly(&table, "comment", &format!("{} {part}", kind.to_lowercase()), value(scan.rest()));
        } else if scan.eat("STATISTICS") {
            let name = scan.name();
            scan.eat("IS");
            let table = self.statistics.get(&name)?.clone();
            self.exactly(&table, "comment", &format!("statistics {name}"), value(scan.rest()));
        } else if scan.eat_one(&of_functions).is_some() {
            let name = scan.name();
            scan.parentheses();
            scan.eat("IS");
            self.exactly(&name, "function", "comment", value(scan.rest()));
        } else {
            scan.eat_one(&of_relations)?;
            let name = scan.name();
            scan.eat("IS");
            self.exactly(&name, "relation", "comment", value(scan.rest()));
        }
        Some(())
    }

    fn grant(&mut self, mut scan: Scan) -> Option<()> {
        let Some((granted, object)) = on(&mut scan)? else { return Some(()) };
        scan.eat("TO");
        let grantee = scan.name();
        let option = if scan.eat("WITH GRANT OPTION") { " with grant option" } else { "" };
        for one in members(&granted) {
            let mut scan = Scan(&one);
            let privilege = scan.name();
            match scan.parentheses() {
                Some(column) => {
                    let name = format!("{}, {grantee}", unquoted(column));
                    self.add(&object, "column privilege", &name, &[&format!("{privilege}{option}")]);
                }
                // Which privileges these are depends on the kind of object.
                None if privilege == "ALL" => self.add(&object, "privilege", &grantee, &[]),
                None => self.add(&object, "privilege", &grantee, &[&format!("{privilege}{option}")]),
            }
        }
        Some(())
    }
}
