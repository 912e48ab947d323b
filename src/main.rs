//! Arguments in, an exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<std::ffi::OsString> = std::env::args_os().collect();
    pgkit::secrets::hide(&args);
    ExitCode::from(pgkit::start::main(args).code())
}
