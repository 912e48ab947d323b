//! How bash reads what it is given, in the state that it was given for and in all others.

use std::io::Write;
use std::process::Stdio;

use super::*;

/// Random names of pieces that mean something to a shell.
fn names(count: usize) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(20);
    let pieces: Vec<String> = punctuation()
        .map(String::from)
        .chain(ATTACKS.map(str::to_owned))
        .chain(["x".to_owned(), "é".to_owned()])
        .collect();
    let mut names: Vec<String> = (0..count)
        .map(|i| {
            let length = random.usize(1..7);
            let pieces: String = (0..length).map(|_| pieces[random.usize(..pieces.len())].as_str()).collect();
            format!("n{i}{pieces}")
        })
        .collect();
    // At a word's beginning some characters mean more.
    names.extend(punctuation().filter(|c| *c != '-').map(|c| format!("{c}P")));
    names
}

/// Runs bash over a script, and gives what it printed, split at NUL.
fn bash(room: &Room, script: &str) -> Vec<String> {
    let mut bash = room.command("bash");
    bash.args(["--norc", "--noprofile", "-s"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut bash = bash.spawn().unwrap();
    let mut stdin = bash.stdin.take().unwrap();
    let script = script.to_owned();
    let writes = std::thread::spawn(move || stdin.write_all(script.as_bytes()).unwrap());
    let output = bash.wait_with_output().unwrap();
    writes.join().unwrap();
    String::from_utf8(output.stdout).unwrap().split_terminator('\0').map(str::to_owned).collect()
}

/// A text as one word of bash, for the script that tests.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[test]
fn bash_reads_exactly_the_name_and_in_no_other_state_runs_it() {
    let room = Room::new();
    let names = names(100);
    room.jobs(&names);
    for quote in ["", "'", "\""] {
        let mut answer = room.bash_answer(&format!("pgkit jobs run {quote}"), "");
        // The flags come behind the names.
        answer.truncate(names.len());
        // readline opens the quote and closes it, unless the candidate does so already.
        let open = |a: &str| if a.starts_with(quote) { "" } else { quote };
        let close = |a: &str| if a.ends_with(quote) { "" } else { quote };
        let read: String = answer
            .iter()
            .map(|a| format!("eval {}\n", literal(&format!("printf '%s\\0' {}{a}{}", open(a), close(a)))))
            .collect();
        assert_eq!(bash(&room, &read), names, "{quote}");
        assert_eq!(room.made(), [""; 0], "{quote}");
        // What stands before on lines that completion is not told of, and what may follow.
        let mut others = String::from("shopt -s nullglob\n");
        for before in ["\"", "'", "`echo ", "\"`echo ", "$'", "<<E\n"] {
            for after in ["", "'", "\"", "`", "`\"", "'\"", "\"'"] {
                for a in &answer {
                    let line = literal(&format!("echo {before}{}{a}{}{after}", open(a), close(a)));
                    others += &format!(
                        "(eval {line}) </dev/null >/dev/null 2>&1; for f in *; do printf '%s\\0' \"$f\" {line}; rm -f \"$f\"; done\n"
                    );
                }
            }
        }
        others += "wait\n";
        assert_eq!(bash(&room, &others), [""; 0], "{quote}");
        assert_eq!(room.made(), [""; 0], "{quote}");
    }
}

#[test]
fn columns_are_offered_where_columns_are_wanted_also_behind_a_comma() {
    let room = Room::new();
    for (words, offered) in [
        (["--columns", "sch"], &["schema"][..]),
        (["--columns", "name,main"], &["name,main_bytes"]),
        (["--sort", "total"], &["total_bytes", "total_bytes:desc"]),
    ] {
        let mut command = room.command("pgkit");
        command.env("COMPLETE", "fish").args(["--", "pgkit", "sizes"]).args(words);
        let output = run(&mut command);
        let names: Vec<&str> =
            output.lines().into_iter().map(|line| line.split('\t').next().unwrap()).collect();
        assert_eq!(names, offered, "{words:?}");
    }
}
