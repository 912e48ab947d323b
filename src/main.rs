//! Arguments in, an exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<std::ffi::OsString> = std::env::args_os().collect();
    pgkit::secrets::hide(&args);
    let exit = match args.get(1).and_then(|a| a.to_str()) {
        Some(pgkit::helper::SUBCOMMAND) => {
            pgkit::helper::main(args.get(2).and_then(|a| a.to_str()).unwrap_or_default())
        }
        _ => pgkit::commands::main(args),
    };
    ExitCode::from(exit.code())
}
