//! Arguments in, an exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some(pgkit::helper::SUBCOMMAND) {
        return ExitCode::from(pgkit::helper::main(&args.next().unwrap_or_default()).code());
    }
    ExitCode::SUCCESS
}
