//! The errors of a pg_restore that goes on after errors: which objects failed, and which of them only because
//! another one did.

use std::collections::BTreeMap;

/// How many bytes of a message are kept.
const LONGEST: usize = 1000;
/// How many failures of one database are reported by name; any more are only counted.
const MOST: usize = 20_000;
/// How many consequences of a failure are named.
const NAMED: usize = 5;

/// An entry of the archive's table of contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Entry {
    /// The kind, schema, name and owner, as in the listing.
    line: String,
    depends_on: Vec<u32>,
}

/// The table of contents of an archive.
#[derive(Debug, Default)]
pub struct Contents(BTreeMap<u32, Entry>);

impl Contents {
    /// Parses what `pg_restore --list --verbose` prints.
    pub fn parse(text: &str) -> Contents {
        let mut all: BTreeMap<u32, Entry> = BTreeMap::new();
        let mut last = None;
        for line in text.lines() {
            if let Some(list) = line.strip_prefix(';') {
                if let (Some(list), Some(id)) = (list.trim_start().strip_prefix("depends on:"), last)
                    && let Some(entry) = all.get_mut(&id)
                {
                    entry.depends_on = list.split_whitespace().filter_map(|id| id.parse().ok()).collect();
                }
            } else if let Some((id, line)) = numbered(line) {
                last = Some(id);
                all.insert(id, Entry { line: line.to_owned(), depends_on: Vec::new() });
            }
        }
        Contents(all)
    }

    fn object(&self, id: u32, heading: &str) -> Object {
        match self.0.get(&id) {
            Some(entry) => Object::of(&entry.line, heading),
            None => Object { kind: String::new(), schema: None, name: heading.trim().to_owned() },
        }
    }
}

/// Splits `215; 1259 16407 VIEW public bad boss` into the number and what follows the two OIDs.
fn numbered(line: &str) -> Option<(u32, &str)> {
    let (id, rest) = line.split_once("; ")?;
    let mut words = rest.splitn(3, ' ');
    let oids = [words.next()?, words.next()?];
    if oids.iter().any(|oid| oid.parse::<u32>().is_err()) {
        return None;
    }
    Some((id.parse().ok()?, words.next()?))
}

/// An object that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The kind as SQL names it, in capitals.
    pub kind: String,
    /// The schema, if it is in one.
    pub schema: Option<String>,
    /// The name; for a function with its arguments, with their types in quotes.
    pub name: String,
}

impl Object {
    /// Combines the listing's line, which has the schema between kind and name, and the heading of an error, which
    /// lacks it.
    fn of(line: &str, heading: &str) -> Object {
        let heading = heading.trim_end_matches('\n');
        let kinds = line.split(' ').take_while(|word| {
            !word.is_empty()
                && word.chars().all(|c| c.is_ascii_uppercase() || "_-".contains(c))
                && *word != "-"
        });
        // A kind may be several words, and a name may be in capitals too. The kind is what both lines have in
        // common.
        let ends: Vec<usize> = kinds
            .scan(0, |end, word| {
                *end += word.len() + 1;
                Some(*end)
            })
            .collect();
        for end in ends.iter().rev().copied() {
            let (Some(tail), Some(after)) = (heading.get(end..), line.get(end..)) else { continue };
            if heading.get(..end) != line.get(..end) {
                continue;
            }
            if let Some(schema) = after.strip_suffix(tail).and_then(|schema| schema.strip_suffix(' ')) {
                return Object {
                    kind: line[..end].trim_end().to_owned(),
                    schema: (schema != "-").then(|| schema.to_owned()),
                    name: without_owner(tail).to_owned(),
                };
            }
        }
        Object { kind: String::new(), schema: None, name: without_owner(line).to_owned() }
    }

    /// Returns the name for messages: `view public.bad`.
    pub fn label(&self) -> String {
        let schema = self.schema.as_ref().map(|schema| format!("{schema}.")).unwrap_or_default();
        let name = if self.kind == "COMMENT" || self.kind == "ACL" {
            self.name.clone()
        } else {
            self.name.replace('"', "")
        };
        format!("{} {schema}{name}", self.kind.to_lowercase()).trim_start().to_owned()
    }

    /// Returns the name without arguments and quotes.
    pub fn bare(&self) -> String {
        let name = self.name.split('(').next().unwrap_or_default();
        name.replace('"', "")
    }
}

/// Removes the owner, which comes last; if there is none, the line ends with a blank.
fn without_owner(tail: &str) -> &str {
    tail.rsplit_once(' ').map_or(tail, |(name, _)| name).trim_end()
}

/// A failure with a cause of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The object that failed.
    pub object: Object,
    /// The server's message.
    pub message: String,
    /// The extension that it belongs to.
    pub extension: Option<String>,
    /// Some of the objects that failed only because this one did.
    pub followers: Vec<String>,
    /// The number of these objects.
    pub count: usize,
}

/// Parses the output of `pg_restore --verbose`, line by line.
#[derive(Debug, Default)]
pub struct Hearing {
    contents: Contents,
    current: Option<(u32, String)>,
    /// The message that is being read, if the lines that follow may belong to it.
    message: Option<String>,
    failures: Vec<Failure>,
    /// The failure that each entry is part of, its own or another's.
    failed: BTreeMap<u32, usize>,
    of_extension: BTreeMap<(u32, String), usize>,
    heard: u64,
    said: Option<u64>,
    /// Errors that are not the failure of an object, such as a lost connection.
    pub fatal: Vec<String>,
}

impl Hearing {
    /// Creates one for an archive with this table of contents.
    pub fn new(contents: Contents) -> Hearing {
        Hearing { contents, ..Hearing::default() }
    }

    /// Takes one line of stderr.
    pub fn line(&mut self, line: &str) {
        let Some(said) = line.strip_prefix("pg_restore: ") else {
            if line.starts_with("Command was: ") {
                self.end();
            } else if let Some(message) = &mut self.message {
                more(message, line);
            }
            return;
        };
        self.end();
        // The form before PostgreSQL 12.
        let said = said.strip_prefix("[archiver (db)] ").or(said.strip_prefix("[archiver] ")).unwrap_or(said);
        let bare = said.strip_prefix("error: ").unwrap_or(said);
        if let Some(entry) =
            bare.strip_prefix("from TOC entry ").or(bare.strip_prefix("Error from TOC entry "))
        {
            self.current = numbered(entry).map(|(id, heading)| (id, heading.to_owned()));
        } else if let Some(message) = bare.strip_prefix("could not execute query: ") {
            self.message = Some(message.strip_prefix("ERROR:  ").unwrap_or(message).to_owned());
        } else if let Some(count) = bare.rsplit_once("errors ignored on restore: ") {
            self.said = count.1.trim().parse().ok();
        } else if let Some(other) = said.strip_prefix("error: ") {
            self.fatal.push(cut(other));
        }
    }

    fn end(&mut self) {
        let Some(message) = self.message.take() else { return };
        self.heard += 1;
        let message = cut(&message);
        let (id, heading) = self.current.clone().unwrap_or_default();
        // This is a second error of the same entry, such as that of its owner.
        if id != 0 && self.failed.contains_key(&id) {
            return;
        }
        let object = self.contents.object(id, &heading);
        let depends_on = self.contents.0.get(&id).map(|entry| entry.depends_on.clone()).unwrap_or_default();
        let cause = depends_on.iter().find_map(|on| {
            let root = *self.failed.get(on)?;
            let line = &self.contents.0.get(on)?.line;
            mentions(&message, line).then_some(root)
        });
        let extension = depends_on.iter().copied().find_map(|on| {
            let entry = self.contents.0.get(&on)?;
            Some((on, entry.line.strip_prefix("EXTENSION - ")?.trim_end().to_owned()))
        });
        let key = extension.as_ref().map(|(on, _)| (*on, message.clone()));
        let cause = cause.or_else(|| self.of_extension.get(key.as_ref()?).copied());
        if let Some(failure) = cause.and_then(|cause| self.failures.get_mut(cause)) {
            failure.count += 1;
            if failure.followers.len() < NAMED {
                failure.followers.push(object.label());
            }
        } else if self.failures.len() < MOST {
            self.failures.push(Failure {
                object,
                message,
                extension: extension.map(|(_, name)| name),
                followers: Vec::new(),
                count: 0,
            });
        }
        let root = cause.unwrap_or(self.failures.len().saturating_sub(1));
        self.failed.insert(id, root);
        if let Some(key) = key {
            self.of_extension.entry(key).or_insert(root);
        }
    }

    /// Returns the failures that are causes, the number of further errors that are not among them or their
    /// followers, and the errors that belong to no object.
    pub fn finish(mut self) -> (Vec<Failure>, u64, Vec<String>) {
        self.end();
        let untold = self.said.unwrap_or(0).saturating_sub(self.heard);
        let over =
            self.failed.len().saturating_sub(MOST + self.failures.iter().map(|f| f.count).sum::<usize>());
        (self.failures, untold + over as u64, self.fatal)
    }
}

/// Returns whether a message mentions the object of this line of the listing.
fn mentions(message: &str, line: &str) -> bool {
    let plain = |text: &str| text.replace('"', "");
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let message = plain(message);
    // The name comes somewhere after the kind, and the schema's name may be the same.
    plain(line).split(['(', ' ']).filter(|name| !name.is_empty() && *name != "-").any(|name| {
        !name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
            && message.match_indices(name).any(|(at, _)| {
                !message[..at].ends_with(word) && !message[at + name.len()..].starts_with(word)
            })
    })
}

/// Appends a further line of a message: its detail is kept, but not the position in the statement.
fn more(message: &mut String, line: &str) {
    let place = line.starts_with("LINE ") || line.trim() == "^";
    if !place && !line.trim().is_empty() && message.len() < LONGEST {
        message.push_str("; ");
        message.push_str(line.trim());
    }
}

fn cut(message: &str) -> String {
    if message.len() <= LONGEST {
        return message.to_owned();
    }
    let end = (0..=LONGEST).rev().find(|at| message.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", &message[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = ";\n; Archive created at x\n;\n\
        3497; 1262 5 DATABASE - postgres boss\n\
        3; 3079 16545 EXTENSION - adminpack \n\
        293; 1255 16548 FUNCTION pg_catalog pg_file_rename(\"text\", \"text\") boss\n;\tdepends on: 3\n\
        294; 1255 16549 FUNCTION pg_catalog pg_file_sync(\"text\") boss\n;\tdepends on: 3\n\
        215; 1259 16407 VIEW public bad boss\n\
        216; 1259 16411 VIEW public onbad boss\n;\tdepends on: 215\n\
        217; 0 0 ACL public TABLE onbad boss\n;\tdepends on: 216\n\
        218; 1259 16412 MATERIALIZED VIEW o d MINE boss\n;\tdepends on: 215\n\
        219; 1259 16413 TABLE public t boss\n";

    fn heard(said: &str) -> (Vec<Failure>, u64, Vec<String>) {
        let mut hearing = Hearing::new(Contents::parse(LIST));
        said.lines().for_each(|line| hearing.line(line));
        hearing.finish()
    }

    fn of(entry: &str, message: &str) -> String {
        format!(
            "pg_restore: creating VIEW \"x\"\npg_restore: while PROCESSING TOC:\npg_restore: from TOC entry {entry}\n\
             pg_restore: error: could not execute query: ERROR:  {message}\nLINE 4: SELECT x\n           ^\nCommand was: SELECT\n x;\n\n"
        )
    }

    #[test]
    fn an_object_is_known_by_kind_schema_and_name_whatever_they_are() {
        for (line, heading, label) in [
            ("VIEW public bad boss", "VIEW bad boss", "view public.bad"),
            ("MATERIALIZED VIEW o d MINE boss", "MATERIALIZED VIEW MINE boss", "materialized view o d.MINE"),
            ("EXTENSION - adminpack ", "EXTENSION adminpack ", "extension adminpack"),
            (
                "FUNCTION s f(\"int\", \"text\") boss",
                "FUNCTION f(\"int\", \"text\") boss",
                "function s.f(int, text)",
            ),
            ("FK CONSTRAINT s t t_fk boss", "FK CONSTRAINT t t_fk boss", "fk constraint s.t t_fk"),
            ("TABLE A B boss", "TABLE B boss", "table A.B"),
        ] {
            assert_eq!(Object::of(line, heading).label(), label);
        }
    }

    #[test]
    fn what_fails_because_something_else_did_stands_with_its_cause() {
        let said = [
            of("215; 1259 16407 VIEW bad boss", "column buffers_backend does not exist"),
            "pg_restore: error: could not execute query: ERROR:  relation \"public.bad\" does not exist\nCommand was: ALTER\n".into(),
            of("216; 1259 16411 VIEW onbad boss", "relation \"public.bad\" does not exist"),
            of("217; 0 0 ACL TABLE onbad boss", "relation \"public.onbad\" does not exist"),
            of("218; 1259 16412 MATERIALIZED VIEW MINE boss", "type \"abstime\" does not exist\nDETAIL:  gone"),
            "pg_restore: warning: errors ignored on restore: 5\n".into(),
        ]
        .concat();
        let (failures, untold, fatal) = heard(&said);
        assert_eq!((failures.len(), untold, fatal.len()), (2, 0, 0), "{failures:?}");
        assert_eq!(failures[0].object.label(), "view public.bad");
        assert_eq!(failures[0].message, "column buffers_backend does not exist");
        assert_eq!(failures[0].followers, ["view public.onbad", "acl public.TABLE onbad"]);
        // It depends on what failed, but has a reason of its own.
        assert_eq!(failures[1].message, "type \"abstime\" does not exist; DETAIL:  gone");
    }

    #[test]
    fn an_extension_that_fails_in_each_of_its_members_is_one_cause() {
        let message = "could not access file \"$libdir/adminpack\": No such file or directory";
        let said = [
            of("293; 1255 16548 FUNCTION pg_file_rename(\"text\", \"text\") boss", message),
            of("294; 1255 16549 FUNCTION pg_file_sync(\"text\") boss", message),
        ]
        .concat();
        let (failures, ..) = heard(&said);
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert_eq!((failures[0].extension.as_deref(), failures[0].count), (Some("adminpack"), 1));
    }

    #[test]
    fn no_error_is_lost() {
        let said = "pg_restore: error: connection to server failed: FATAL:  no\npg_restore: warning: errors ignored on restore: 3\n";
        assert_eq!(heard(said).1, 3);
        assert_eq!(heard(said).2, ["connection to server failed: FATAL:  no"]);
        // A name may look like a line of pg_restore's; that hides nothing.
        let said = of(
            "219; 1259 16413 TABLE t boss",
            "relation \"x\npg_restore: from TOC entry 215; 1259 16407 VIEW bad boss\npg_restore: creating\" is bad",
        );
        assert_eq!(heard(&said).0.len(), 1);
    }
}
