//! `-E`: the SQL that runs, as psql shows it.

use std::rc::Rc;

use super::value::Value;
use crate::sql::quote_literal;

/// Prints the SQL that runs, as psql's `-E` does.
pub type Echo = Option<Rc<dyn Fn(&str)>>;

/// Formats a statement and its parameters as `-E` shows them.
pub fn echoed(sql: &str, params: &[Value]) -> String {
    echoed_with(sql, params.iter().map(Value::literal))
}

/// Works like [`echoed`], for parameters that are text; `None` is NULL.
pub fn echoed_text(sql: &str, params: &[Option<&str>]) -> String {
    echoed_with(sql, params.iter().map(|param| param.map_or("NULL".to_owned(), quote_literal)))
}

fn echoed_with(sql: &str, literals: impl ExactSizeIterator<Item = String>) -> String {
    let mut text = format!("********* QUERY **********\n{sql}\n");
    if literals.len() > 0 {
        text.push_str("-- parameters:\n");
        for (i, literal) in literals.enumerate() {
            text.push_str(&format!("--   ${} = {}\n", i + 1, literal.replace('\n', "\\n")));
        }
    }
    text.push_str("**************************\n");
    text
}
