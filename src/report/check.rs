//! Compares the columns of a statement with the header of its file.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::model::Text;
use crate::error::{Error, Result};
use crate::rows::Column;
use crate::rows::cell::ColumnType;
use crate::session::{Reader, Value};
use crate::sql::quote_ident;

/// Compares a statement's columns, as the server describes them, with the header before the statement runs:
/// tokio-postgres hangs on a large answer with a column of a type that it does not know.
///
/// Errors: they differ (65); the message names the file, the column and the type.
pub async fn describe(reader: &Reader, text: &Text, columns: &[Column], params: &[Value]) -> Result<()> {
    let row = nulls(reader, text, params).await?;
    check_row(&format!("{}:{}", text.file, text.columns_line), columns, &row)
}

/// The columns of a statement as the server describes them, without running it.
///
/// Errors: the server refuses the statement, or a column has a type that pgkit cannot read (65).
pub async fn columns(reader: &Reader, text: &Text, params: &[Value]) -> Result<Vec<Column>> {
    let row = nulls(reader, text, params).await?;
    let columns = row.columns().iter().map(|column| {
        let (name, server_type) = (column.name().to_owned(), column.type_().clone());
        let kind = ColumnType::of(&server_type).ok_or_else(|| {
            Error::data(format!(
                "{}: column {name:?} has type {server_type}, which pgkit cannot read",
                text.file
            ))
            .hint(format!("cast it in the SQL: {name}::text"))
        })?;
        Ok(Column { name, kind, server_type, wide: None, usual: None, is_counter: false })
    });
    columns.collect()
}

async fn nulls(reader: &Reader, text: &Text, params: &[Value]) -> Result<Row> {
    let row = reader.nulls(&text.sql, params).await;
    row.map_err(|e| Error { message: format!("{}: {}", text.file, e.message), ..e })
}

/// Checks that the answer has the columns that the header promises.
fn check_columns(file: &str, promised: &[Column], found: &[(String, Type)]) -> Result<()> {
    for (i, column) in promised.iter().enumerate() {
        match found.get(i) {
            Some((name, kind)) if *name == column.name && *kind == column.server_type => {}
            Some((name, kind)) => {
                let known = ColumnType::by_name(kind.name().trim_start_matches('_')).is_some();
                let error = Error::data(format!(
                    "{file}: column {} is \"{name} {kind}\", but the header says \"{} {}\"",
                    i + 1,
                    column.name,
                    column.server_type
                ));
                return Err(if known {
                    error.hint("make the header and the statement agree")
                } else {
                    error.hint(format!("cast it: {}::text", quote_ident(name)))
                });
            }
            None => {
                return Err(Error::data(format!(
                    "{file}: the statement returns {} columns, but the header lists {}",
                    found.len(),
                    promised.len()
                )));
            }
        }
    }
    if found.len() > promised.len() {
        return Err(Error::data(format!(
            "{file}: the statement returns {} columns, but the header lists {}",
            found.len(),
            promised.len()
        )));
    }
    Ok(())
}

/// Checks a row against the header, once per result. For pgkit's own reports a test proves that they agree, but a
/// server may still behave differently.
pub fn check_row(file: &str, columns: &[Column], row: &Row) -> Result<()> {
    let found: Vec<(String, Type)> =
        row.columns().iter().map(|c| (c.name().to_owned(), c.type_().clone())).collect();
    check_columns(file, columns, &found)
}
