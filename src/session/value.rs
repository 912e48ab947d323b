//! Values of parameters, in the wire format and as SQL literals.

use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut};

use crate::sql::quote_literal;

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL of this type.
    Null(Type),
    /// bool
    Bool(bool),
    /// int8
    Int8(i64),
    /// text
    Text(String),
    /// text[], whose elements may be NULL.
    TextList(Vec<Option<String>>),
    /// interval, in microseconds.
    Interval(i64),
}

impl Value {
    pub(super) fn server_type(&self) -> Type {
        match self {
            Value::Null(kind) => kind.clone(),
            Value::Bool(_) => Type::BOOL,
            Value::Int8(_) => Type::INT8,
            Value::Text(_) => Type::TEXT,
            Value::TextList(_) => Type::TEXT_ARRAY,
            Value::Interval(_) => Type::INTERVAL,
        }
    }

    /// The value as a literal that names its type.
    pub fn literal(&self) -> String {
        match self {
            Value::Null(kind) => format!("NULL::{}", type_name(kind)),
            Value::Bool(b) => format!("{b}::bool"),
            Value::Int8(n) => format!("'{n}'::int8"),
            Value::Text(text) => format!("{}::text", quote_literal(text)),
            Value::TextList(items) => {
                let items: Vec<String> = items
                    .iter()
                    .map(|i| i.as_ref().map_or("NULL".to_owned(), |t| quote_literal(t)))
                    .collect();
                format!("ARRAY[{}]::text[]", items.join(", "))
            }
            Value::Interval(micros) => format!("'{micros} microseconds'::interval"),
        }
    }
}

/// The SQL name of one of the types that [`Value`] has.
fn type_name(kind: &Type) -> &'static str {
    match *kind {
        Type::BOOL => "bool",
        Type::INT8 => "int8",
        Type::TEXT_ARRAY => "text[]",
        Type::INTERVAL => "interval",
        _ => "text",
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null(_) => Ok(IsNull::Yes),
            Value::Bool(b) => b.to_sql(kind, out),
            Value::Int8(n) => n.to_sql(kind, out),
            Value::Text(text) => text.to_sql(kind, out),
            Value::TextList(items) => items.to_sql(kind, out),
            Value::Interval(micros) => {
                out.extend_from_slice(&micros.to_be_bytes());
                out.extend_from_slice(&[0; 8]);
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_name_their_type() {
        assert_eq!(Value::TextList(vec![None, Some("a'b".into())]).literal(), "ARRAY[NULL, 'a''b']::text[]");
        assert_eq!(Value::Null(Type::TEXT_ARRAY).literal(), "NULL::text[]");
        assert_eq!(Value::Interval(5).literal(), "'5 microseconds'::interval");
    }
}
