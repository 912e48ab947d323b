//! Reads the facts in ALTER statements.

use super::dump::{Scan, cut, unquoted};
use super::facts::{Facts, parent_and_last};

impl Facts {
    pub fn alter(&mut self, mut scan: Scan) -> Option<()> {
        let kinds = [
            "FOREIGN TABLE",
            "TABLE",
            "VIEW",
            "MATERIALIZED VIEW",
            "SEQUENCE",
            "FUNCTION",
            "PROCEDURE",
            "AGGREGATE",
            "INDEX",
            "STATISTICS",
            "PUBLICATION",
        ];
        let kind = scan.eat_one(&kinds)?;
        scan.eat("ONLY");
        let name = scan.name();
        scan.parentheses();
        if scan.eat("OWNER TO") {
            let owner = unquoted(scan.rest());
            match kind {
                "FUNCTION" | "PROCEDURE" | "AGGREGATE" => self.exactly(&name, "function", "owner", owner),
                "STATISTICS" | "PUBLICATION" => {}
                _ => self.exactly(&name, "relation", "owner", owner),
            }
            return Some(());
        }
        match kind {
            "SEQUENCE" => {
                scan.eat("OWNED BY");
                self.add(&name, "sequence", "owned by", &[scan.rest()]);
                Some(())
            }
            "STATISTICS" => {
                let table = self.statistics.get(&name)?.clone();
                scan.eat("SET");
                self.add(&table, "extended statistics", &name, &[scan.rest()]);
                Some(())
            }
            "INDEX" if scan.eat("ATTACH PARTITION") => {
                let part = scan.name();
                self.add(&part, "relation", "partition of", &[&name]);
                Some(())
            }
            "INDEX" => {
                let column = cut(scan.rest(), &["SET STATISTICS"]).pop()?;
                self.some(&name, "column", column.strip_prefix("SET ")?.to_owned());
                Some(())
            }
            "PUBLICATION" if scan.eat("ADD TABLES IN SCHEMA") => Some(()),
            "PUBLICATION" => {
                scan.eat("ADD TABLE ONLY");
                let table = scan.name();
                let parts = cut(scan.rest(), &["WHERE"]);
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                self.add(&table, "publication", &unquoted(&name), &parts);
                Some(())
            }
            _ => self.alter_table(&name, scan),
        }
    }

    fn alter_table(&mut self, name: &str, mut scan: Scan) -> Option<()> {
        let actions = [
            "ALTER COLUMN",
            "ADD CONSTRAINT",
            "ATTACH PARTITION",
            "REPLICA IDENTITY USING INDEX",
            "REPLICA IDENTITY",
            "CLUSTER ON",
            "FORCE ROW LEVEL SECURITY",
            "ENABLE ROW LEVEL SECURITY",
            "DISABLE TRIGGER",
            "ENABLE ALWAYS TRIGGER",
            "ENABLE REPLICA TRIGGER",
            "DISABLE RULE",
        ];
        let action = scan.eat_one(&actions)?;
        if action == "ALTER COLUMN" {
            let column = scan.name();
            return self.alter_column(name, &column, scan);
        }
        if action == "FORCE ROW LEVEL SECURITY" || action == "ENABLE ROW LEVEL SECURITY" {
            self.add(
                name,
                "relation",
                "row security",
                &["on", if action.starts_with('F') { "for its owner too" } else { "" }],
            );
            return Some(());
        }
        let other = scan.name();
        let plain_name = unquoted(&other);
        match action {
            "ADD CONSTRAINT" => match scan.eat_one(&["PRIMARY KEY", "UNIQUE", "EXCLUDE"]) {
                Some(word) => {
                    let text = format!("{word} {}", scan.rest());
                    let nulls = if scan.eat("NULLS NOT DISTINCT") { "NULLS NOT DISTINCT" } else { "" };
                    // DEFERRABLE is shown with the constraint only, the rest with the index too.
                    let parts = cut(scan.rest(), &["DEFERRABLE", "WITH", "WHERE", "INCLUDE"]);
                    let of_index = parts.iter().filter(|part| !part.starts_with("DEFERRABLE")).map(|part| {
                        part.strip_prefix("USING gist").unwrap_or(part).replace(" WITHOUT OVERLAPS", "")
                    });
                    let what = if word == "EXCLUDE" { "exclusion" } else { word };
                    let of_index: Vec<String> = [what, nulls]
                        .map(str::to_owned)
                        .into_iter()
                        .chain(of_index.filter(|part| !part.contains("&&")))
                        .collect();
                    let of_index: Vec<&str> = of_index.iter().map(String::as_str).collect();
                    self.add(name, "index", &plain_name, &of_index);
                    let is_more = text.contains("DEFERRABLE") || text.contains("WITHOUT OVERLAPS");
                    if word != "PRIMARY KEY" || is_more {
                        let parts = cut(&text, &["WITH", "WHERE"]);
                        let parts: Vec<&str> = parts
                            .iter()
                            .map(String::as_str)
                            .filter(|part| !part.starts_with("WITH (fill"))
                            .collect();
                        self.add(name, "constraint", &plain_name, &parts);
                    }
                }
                None => self.add(name, "constraint", &plain_name, &[scan.rest()]),
            },
            "ATTACH PARTITION" => {
                self.add(&other, "relation", "partition of", &[name, scan.rest()]);
                let (schema, _) = parent_and_last(name);
                let part = other.strip_prefix(&format!("{schema}.")).unwrap_or(&other);
                self.add(name, "partition", part, &[scan.rest()]);
            }
            "REPLICA IDENTITY USING INDEX" => self.add(name, "index", &plain_name, &["replica identity"]),
            "REPLICA IDENTITY" => self.add(name, "relation", "replica identity", &[&other]),
            "CLUSTER ON" => self.add(name, "index", &plain_name, &["clustered"]),
            "DISABLE TRIGGER" => self.add(name, "trigger", &plain_name, &["disabled:"]),
            "ENABLE ALWAYS TRIGGER" => self.add(name, "trigger", &plain_name, &["always:"]),
            "ENABLE REPLICA TRIGGER" => self.add(name, "trigger", &plain_name, &["replica:"]),
            _ => self.add(name, "rule", &plain_name, &["disabled:"]),
        }
        Some(())
    }

    fn alter_column(&mut self, table: &str, column: &str, mut scan: Scan) -> Option<()> {
        if scan.eat("SET DEFAULT") {
            self.add(table, "column", &unquoted(column), &["default", scan.rest()]);
        } else if scan.eat("OPTIONS") {
            self.column(table, column, &format!("OPTIONS {}", scan.rest()));
        } else if scan.eat("ADD") {
            let identity =
                scan.eat_one(&["GENERATED ALWAYS AS IDENTITY", "GENERATED BY DEFAULT AS IDENTITY"])?;
            self.add(table, "column", &unquoted(column), &[identity]);
            let mut scan = Scan(scan.parentheses()?.trim_start());
            scan.eat("SEQUENCE NAME");
            let sequence = scan.name();
            self.sequence(&sequence, scan.rest());
            self.add(&sequence, "sequence", "owned by", &[table, column]);
        } else {
            scan.eat("SET");
            // SET STATISTICS 250, SET STORAGE EXTERNAL, SET (n_distinct=7).
            self.add(table, "column", &unquoted(column), &[scan.rest()]);
        }
        Some(())
    }
}
