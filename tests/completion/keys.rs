//! Tab and Enter on names that try to be more.

use super::typed::*;
use super::*;

/// Each special character, and each attack, behind a beginning that no other name has.
fn names() -> Vec<String> {
    let tails = punctuation().map(|c| format!("{c}P")).chain(ATTACKS.map(str::to_owned));
    let mut names: Vec<String> = tails.enumerate().map(|(i, tail)| format!("n{i}x{tail}")).collect();
    names.push("Odd Näme".to_owned());
    names
}

/// As much of a name as a person would type.
fn beginning(name: &str) -> &str {
    &name[..=name.find(['x', 'O']).unwrap()]
}

#[test]
fn tab_and_enter_give_exactly_the_name_and_run_nothing() {
    let room = Room::new();
    let names = names();
    room.jobs(&names);
    for shell in installed() {
        let mut terminal = Terminal::live(&room, shell, &[]);
        for quote in ["", "'", "\""] {
            for name in &names {
                let call = terminal.calls(&format!("pgkit jobs run {quote}{}\t\r", beginning(name)));
                assert_eq!(call, ["jobs", "run", name], "{shell:?} {quote}{name}\n{}", terminal.shown());
            }
        }
        assert_eq!(room.made(), [""; 0], "{shell:?}");
    }
}

#[test]
fn within_another_command_a_name_runs_nothing_either() {
    let room = Room::new();
    let names = names();
    room.jobs(&names);
    for shell in installed().into_iter().filter(|s| *s != Shell::Fish) {
        let mut terminal = Terminal::live(&room, shell, &[]);
        for (open, close) in [("`", "`"), ("\"`", "`\""), ("$(", ")"), ("\"$(", ")\"")] {
            for name in names.iter().filter(|n| n.contains("touch")) {
                let call = terminal.calls(&format!(": {open}pgkit jobs run {}\t{close}\r", beginning(name)));
                let is = call.last().map(String::as_str);
                // Neither shell completes between backquotes, nor bash in any command within another.
                let exact = shell == Shell::Zsh && !open.contains('`');
                assert_eq!(
                    is,
                    Some(if exact { name.as_str() } else { beginning(name) }),
                    "{shell:?} {open}{name}"
                );
            }
        }
        assert_eq!(room.made(), [""; 0], "{shell:?}");
    }
}

#[test]
fn on_a_line_that_is_text_of_the_one_before_a_name_runs_nothing() {
    let room = Room::new();
    let names = ["ax$(touch P)", "bx\"$(touch P)\"", "cx';touch P;'", "dx`touch P`"].map(str::to_owned);
    room.jobs(&names);
    for shell in installed().into_iter().filter(|s| *s != Shell::Fish) {
        let mut terminal = Terminal::live(&room, shell, &[]);
        for (open, close) in [("\"", "\""), ("<<E", "E")] {
            for quote in ["", "'", "\""] {
                for name in &names {
                    let begun = format!("pgkit jobs run {quote}{}", beginning(name));
                    terminal.types(&format!(": {open}\r{begun}\t\r{close}\r"));
                    terminal.gives_up();
                    terminal.sync();
                    assert_eq!(room.made(), [""; 0], "{shell:?} {open}{quote}{name}\n{}", terminal.shown());
                }
            }
        }
    }
}

#[test]
fn what_all_candidates_begin_with_is_a_whole_word_too() {
    let room = Room::new();
    room.jobs(&["c;P", "c P", "d$P", "d\\P", "e`P", "e'P"].map(str::to_owned));
    let mut terminal = Terminal::live(&room, Shell::Bash, &[]);
    for quote in ["", "'", "\""] {
        for name in ["c", "d", "e"] {
            let call = terminal.calls(&format!("pgkit jobs run {quote}{name}\t{quote}\r"));
            assert_eq!(call, ["jobs", "run", name], "{quote}{name}\n{}", terminal.shown());
        }
    }
    assert_eq!(room.made(), [""; 0]);
}

#[test]
fn nothing_that_a_terminal_acts_on_is_offered() {
    let room = Room::new();
    let controls =
        (0..32).chain(0x7f..0xa0).chain([0x2028, 0x202e, 0x2066, 0xfeff]).filter_map(char::from_u32);
    // NUL is in no file and in no name.
    let mut names: Vec<String> = controls.skip(1).map(|c| format!("nice{c}EVIL")).collect();
    names.extend(["nice one".to_owned(), "nice two".to_owned()]);
    room.jobs(&names);
    assert_eq!(room.bash_answer("pgkit jobs run nic", "nic"), ["nice\\ one", "nice\\ two"]);
    for shell in installed() {
        let mut terminal = Terminal::live(&room, shell, &[]);
        terminal.types("pgkit jobs run nic\t\t\t");
        terminal.shows("two");
        terminal.gives_up();
        terminal.sync();
        assert!(!terminal.shown().contains("EVIL"), "{shell:?}\n{}", terminal.shown());
    }
}

#[test]
fn a_name_with_a_dash_in_front_is_no_candidate() {
    let room = Room::new();
    room.jobs(&["--file=P".to_owned(), "job".to_owned()]);
    assert_eq!(room.bash_answer("pgkit jobs run --file=", ""), [""; 0]);
    assert_eq!(room.bash_answer("pgkit jobs run ", "")[0], "job");
    assert!(!room.bash_answer("pgkit jobs run --", "--").contains(&"--file=P".to_owned()));
}

#[test]
fn a_shell_that_pgkit_cannot_quote_for_gets_only_what_needs_no_quotes() {
    let room = Room::new();
    let mut names = names();
    names.push("plain_1".to_owned());
    room.jobs(&names);
    let plain = regex::Regex::new("^[[:alnum:]_./:=-]+(\t.*)?$").unwrap();
    // A script from before pgkit quoted, and the shells whose quotes nobody has tried.
    for (shell, index) in [("bash", "3"), ("powershell", ""), ("elvish", "")] {
        let mut command = room.command("pgkit");
        command.env("COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", index).env("_CLAP_IFS", "\n");
        let output = run(command.args(["--", "pgkit", "jobs", "run", ""]));
        let lines = output.lines();
        assert!(lines.contains(&"plain_1"), "{shell}: {lines:?}");
        assert_eq!(lines.iter().find(|l| !plain.is_match(l)), None, "{shell}");
    }
}

#[test]
fn static_completions_say_nothing_but_what_fits() {
    for shell in installed() {
        let room = Room::new();
        let mut terminal = Terminal::new(&room, shell, "--static", &[]);
        for command in ["relations", "sizes", "functions", "find"] {
            let beginning = &command[..command.len() - 1];
            let call = terminal.calls(&format!("pgkit {beginning}\t --cs\t\r"));
            assert_eq!(call, [command, "--csv"], "{shell:?}\n{}", terminal.shown());
            // What a position takes: in zsh it was an error.
            let call = terminal.calls(&format!("pgkit {command} zebra\t\r"));
            assert_eq!(call, [command, "zebra"], "{shell:?}\n{}", terminal.shown());
        }
        for complaint in ["not found", "No matches", "rror"] {
            assert!(!terminal.shown().contains(complaint), "{shell:?}: {complaint}\n{}", terminal.shown());
        }
    }
}
