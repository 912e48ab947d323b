//! Turns failures of the driver or the server into pgkit's errors.

use crate::connect::ClosingError;
use crate::error::{Error, Exit};

/// The exit code for an SQLSTATE. From the manual's appendix "PostgreSQL Error Codes".
pub(super) fn exit_of(sqlstate: &str) -> Exit {
    match sqlstate {
        "42501" => Exit::Permission,
        // 57014: canceled by a timeout or by pg_cancel_backend. 55P03: lock not available. 40001: serialization
        // failure. 40P01: deadlock. 25P03: idle in a transaction for too long. XX000: an internal error; concurrent
        // DDL causes "cache lookup failed".
        "57014" | "55P03" | "40001" | "40P01" | "25P03" | "XX000" => Exit::TryAgain,
        "57P01" | "57P02" | "57P03" | "57P05" | "25P04" => Exit::Unavailable,
        "0A000" => Exit::TooOld,
        state if state.starts_with("08") => Exit::Unavailable,
        // Out of memory, disk or connections.
        state if state.starts_with("53") => Exit::TryAgain,
        // Data exceptions, most often an invalid regular expression.
        _ => Exit::BadInput,
    }
}

/// Turns an error of the driver into one of pgkit's: the server's own message, or a lost connection.
pub fn explain(error: &tokio_postgres::Error, host: &str, closing_error: &ClosingError) -> Error {
    if let Some(db) = error.as_db_error().or(closing_error.get()) {
        let state = db.code().code();
        let mut out = Error::of_server(exit_of(state), db.message(), state);
        if let Some(detail) = db.detail() {
            out = out.caused_by(detail);
        }
        if let Some(hint) = db.hint() {
            out = out.hint(hint);
        }
        return match state {
            "57014" => out
                .hint("raise the limit with --statement-timeout, or try again when the server is less busy"),
            "55P03" => out.hint(
                "another session holds a lock on what this reads; try again, or wait longer with --lock-timeout",
            ),
            _ => out,
        };
    }
    let mut causes = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    let mut out = Error::new(Exit::Unavailable, format!("lost the connection to the server at \"{host}\""));
    out.causes = if causes.is_empty() { vec![error.to_string()] } else { causes };
    out.causes.extend(closing_error.of_ssh());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sqlstate_has_its_exit_code() {
        for (state, exit) in [
            ("42501", Exit::Permission),
            ("57014", Exit::TryAgain),
            ("55P03", Exit::TryAgain),
            ("2201B", Exit::BadInput),
            ("57P01", Exit::Unavailable),
            ("08006", Exit::Unavailable),
            ("42P01", Exit::BadInput),
        ] {
            assert_eq!(exit_of(state), exit, "{state}");
        }
    }
}
