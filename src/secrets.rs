//! Hides passwords from other users of the machine, who can list the arguments of every process and might find a
//! core file.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::process::Command;

/// The environment variable that holds a password.
pub const PASSWORD: &str = "PGPASSWORD";

/// Hides passwords from other users of the machine. Must be called first of all, with the arguments of this
/// process.
pub fn hide(args: &[OsString]) {
    no_core();
    // This is possible only on Linux, as docs/SECURITY.md says.
    let _ = hide_arguments(args);
}

/// Keeps the password out of the environment of a process that pgkit starts: a helper gets it through a pipe.
pub fn strip(command: &mut Command) -> &mut Command {
    command.env_remove(PASSWORD)
}

/// Switches core files off, because they would contain the password. The limit is one byte rather than zero,
/// because zero is ignored on systems that pipe core files to a program. Source: core(5).
fn no_core() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_CORE) {
        let _ = setrlimit(Resource::RLIMIT_CORE, hard.min(1), hard);
    }
}

/// Overwrites the passwords in the arguments that the kernel shows.
fn hide_arguments(args: &[OsString]) -> std::io::Result<()> {
    if args.iter().all(|arg| secrets(arg.as_bytes()).is_empty()) {
        return Ok(());
    }
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // Fields 48 and 49 of proc(5) are the addresses. The name, field 2, may contain anything, so counting starts
    // after it.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let field = |i: usize| fields.get(i - 3).and_then(|field| field.parse::<u64>().ok());
    let (Some(start), Some(end)) = (field(48), field(49)) else {
        return Err(std::io::ErrorKind::InvalidData.into());
    };
    let memory = std::fs::OpenOptions::new().read(true).write(true).open("/proc/self/mem")?;
    let mut shown = vec![0; usize::try_from(end.saturating_sub(start)).unwrap_or_default()];
    memory.read_exact_at(&mut shown, start)?;
    let mut at = 0;
    for arg in shown.split(|byte| *byte == 0) {
        for (from, to) in secrets(arg) {
            let place = start + u64::try_from(at + from).unwrap_or_default();
            memory.write_all_at(&vec![b'x'; to - from], place)?;
        }
        at += arg.len() + 1;
    }
    Ok(())
}

/// Returns a message about arguments, with `x`s in place of each password.
pub fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive([' ', '\n', '\'', '"']) {
        let mut bytes = word.as_bytes().to_vec();
        for (from, to) in secrets(word.as_bytes()) {
            bytes[from..to].fill(b'x');
        }
        out.push_str(&String::from_utf8_lossy(&bytes));
    }
    out
}

/// Returns where an argument contains a password, as ranges of bytes: in a connection URL
/// (`scheme://user:password@…`, `?password=…`) or in a `key=value` string. It finds too much rather than too
/// little, since this changes only what is shown.
fn secrets(arg: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let find = |what: &[u8], from: usize| {
        arg.get(from..).and_then(|rest| memchr::memmem::find(rest, what)).map(|at| from + at)
    };
    let url = find(b"://", 0).map(|at| at + 3);
    if let Some(begin) = url {
        let rest = &arg[begin..];
        // The last @ ends it: a password that is not percent-encoded may contain @ and slashes too.
        let at = rest.iter().rposition(|byte| *byte == b'@');
        let colon = rest.iter().position(|byte| *byte == b':');
        if let (Some(colon), Some(at)) = (colon, at)
            && colon < at
        {
            found.push((begin + colon + 1, begin + at));
        }
    }
    let mut from = 0;
    while let Some(key) = find(b"password", from) {
        from = key + b"password".len();
        let blank = |at: &usize| arg.get(*at).is_some_and(u8::is_ascii_whitespace);
        let equals = (from..).find(|at| !blank(at)).unwrap_or(from);
        if arg.get(equals) != Some(&b'=') {
            continue;
        }
        let begin = (equals + 1..).find(|at| !blank(at)).unwrap_or(equals + 1);
        let quoted = arg.get(begin) == Some(&b'\'');
        let mut end = begin + usize::from(quoted);
        while let Some(byte) = arg.get(end) {
            match byte {
                b'\\' => end += 1,
                b'\'' if quoted => break,
                b'&' if url.is_some() => break,
                byte if byte.is_ascii_whitespace() && !quoted => break,
                _ => {}
            }
            end += 1;
        }
        let end = end.min(arg.len());
        if begin < end {
            found.push((begin, end));
        }
        from = end.max(from);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_an_argument_shows_no_password() {
        let text = "unrecognized subcommand 'postgresql://me:hunter2@h/x'\n\nUsage: pgkit [OPTIONS]";
        let shown = masked(text);
        assert!(!shown.contains("hunter2") && shown.contains("postgresql://me:xxxxxxx@h/x'"), "{shown}");
        assert_eq!(masked("for more, try '--help'"), "for more, try '--help'");
    }

    #[test]
    fn a_password_is_found_wherever_libpq_finds_one() {
        let shown = |arg: &str| {
            let mut bytes = arg.as_bytes().to_vec();
            for (from, to) in secrets(arg.as_bytes()) {
                bytes[from..to].fill(b'x');
            }
            String::from_utf8(bytes).unwrap()
        };
        for (arg, hidden) in [
            ("postgresql://me:secret@host/db", "postgresql://me:xxxxxx@host/db"),
            ("-dpostgres://me:s/cr@t@host/db", "-dpostgres://me:xxxxxx@host/db"),
            (
                "--dbname=postgresql://h/db?user=me&password=secret&sslmode=disable",
                "--dbname=postgresql://h/db?user=me&password=xxxxxx&sslmode=disable",
            ),
            ("host=h password=secret dbname=d", "host=h password=xxxxxx dbname=d"),
            ("password = 'two words\\' x' dbname=d", "password = xxxxxxxxxxxxxx' dbname=d"),
            ("sslpassword=secret", "sslpassword=xxxxxx"),
            ("password=", "password="),
            ("postgresql://host:5432/db", "postgresql://host:5432/db"),
            ("relations", "relations"),
            ("--no-password", "--no-password"),
        ] {
            assert_eq!(shown(arg), hidden);
        }
    }
}
