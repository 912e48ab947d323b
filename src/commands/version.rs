//! `--version --verbose`: what this binary is made of.

use std::ffi::OsString;

use crate::connect::ServerVersion;

/// Returns whether a command line consists of nothing but `--version` and `--verbose`.
pub fn is_asked_for(args: &[OsString]) -> bool {
    let mut version = false;
    let mut verbose = false;
    for arg in args.iter().skip(1) {
        match arg.to_str() {
            Some("-V" | "--version") => version = true,
            Some("-v" | "--verbose") => verbose = true,
            Some("-vV" | "-Vv") => (version, verbose) = (true, true),
            _ => return false,
        }
    }
    version && verbose
}

/// Returns the version, the commit, the TLS library that is loaded, and the servers that are supported.
pub fn text() -> String {
    let commit = match env!("PGKIT_COMMIT") {
        "" if cfg!(debug_assertions) => "unknown (a debug build)",
        "" => "unknown",
        commit => commit,
    };
    format!(
        "pgkit {}\ncommit: {commit}\nTLS library: {}\nservers: PostgreSQL {} to {}\n",
        env!("CARGO_PKG_VERSION"),
        openssl::version::version(),
        ServerVersion::OLDEST,
        ServerVersion::NEWEST,
    )
}
