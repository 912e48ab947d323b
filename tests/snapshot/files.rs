//! Files that are no snapshot, or not a whole one, are refused before anything of them is shown.

use super::*;

/// Checks that a file is refused as bad data, with this in the message and nothing on stdout.
#[track_caller]
fn refused(place: &Place, name: &str, word: &str) {
    for args in [&["relations", "--from", name][..], &["snapshot", "show", name]] {
        let output = place.offline(args);
        assert_eq!(output.code, Some(65), "{args:?}: {}", output.snapshot());
        assert!(output.stdout.is_empty() && output.stderr.contains(word), "{args:?}: {}", output.snapshot());
        assert!(output.stderr.starts_with(&format!("pgkit: {name}")), "{}", output.snapshot());
    }
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    let place = Place::new(bin());
    place.take("whole.snap", &["schemas", "roles"]);
    let whole = std::fs::read(place.path("whole.snap")).unwrap();
    for length in
        (0..whole.len()).step_by((whole.len() / 30).max(1)).chain([whole.len() - 1, whole.len() - 8])
    {
        std::fs::write(place.path("cut.snap"), &whole[..length]).unwrap();
        refused(&place, "cut.snap", "snapshot");
    }
    // Cut off between the lines, and packed again.
    let text = unpacked(&place.path("whole.snap"));
    for line in text.match_indices('\n').map(|(at, _)| at + 1).filter(|at| *at < text.len()) {
        pack(&text[..line], &place.path("lines.snap"));
        refused(&place, "lines.snap", "the snapshot is cut off");
    }
    pack(text.trim_end(), &place.path("lines.snap"));
    refused(&place, "lines.snap", "the snapshot is cut off");
}

#[test]
fn a_damaged_file_is_refused() {
    let place = Place::new(bin());
    place.take("whole.snap", &["relations"]);
    let whole = std::fs::read(place.path("whole.snap")).unwrap();
    let same = place.offline(&["relations", "--from", "whole.snap"]).stdout;
    // The ten bytes of gzip's header that no reader needs say when and how the file was packed.
    for at in (10..whole.len()).step_by((whole.len() / 60).max(1)) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        std::fs::write(place.path("damaged.snap"), &damaged).unwrap();
        let output = place.offline(&["relations", "--from", "damaged.snap"]);
        let is_refused = output.code == Some(65) && output.stdout.is_empty();
        // The second stream has such a header too.
        assert!(
            is_refused || (output.code == Some(0) && output.stdout == same),
            "{at}: {}",
            output.snapshot()
        );
    }
    let text = unpacked(&place.path("whole.snap"));
    for (from, to, word) in [
        ("\"crap_reports\"", "7", "column \"name\": not a string: 7"),
        ("\"crap_reports\",", "", "a row of 3 values for 4 columns"),
        ("\"schema text\"", "\"schema mood\"", "damaged in line 2: unknown type of column \"schema mood\""),
        ("\"rows\":", "\"rows\":1", "snapshot"),
        ("[\"public\"", "[\"public\" \"x\"", "damaged in line"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        pack(&changed, &place.path("changed.snap"));
        let output = place.offline(&["relations", "--from", "changed.snap"]);
        assert_eq!((output.code, output.stdout.as_str()), (Some(65), ""), "{}", output.snapshot());
        assert!(output.stderr.contains(word), "{word}: {}", output.snapshot());
    }
}

#[test]
fn a_file_of_another_kind_or_of_a_later_version_is_refused() {
    let place = Place::new(bin());
    for (name, text) in [("empty", ""), ("sql", "SELECT 1;\n"), ("json", "[{\"schema\":\"public\"}]\n")] {
        std::fs::write(place.path(name), text).unwrap();
        refused(&place, name, "is not a snapshot of pgkit");
        pack(text, &place.path("packed"));
        refused(&place, "packed", "is not a snapshot of pgkit");
    }
    std::fs::write(place.path("bytes"), (0..=255).cycle().take(100_000).collect::<Vec<u8>>()).unwrap();
    refused(&place, "bytes", "is not a snapshot of pgkit");
    for text in ["{\"pgkit_snapshot\":2,\"pgkit\":\"9.1.0\",\"new\":true}\n", "{\"pgkit_snapshot\":2}\n"] {
        pack(text, &place.path("later.snap"));
        refused(&place, "later.snap", "has format 2");
    }
    pack("{\"pgkit_snapshot\":0,\"pgkit\":\"0.1.0\"}\n", &place.path("never.snap"));
    refused(&place, "never.snap", "is not a snapshot of pgkit");
    place.take("whole.snap", &["relations", "-q"]);
    let text = unpacked(&place.path("whole.snap"));
    let (head, rest) = text.split_once('\n').unwrap();
    pack(&format!("{head}\n{rest}{rest}"), &place.path("twice.snap"));
    refused(&place, "twice.snap", "it has this answer twice");
    std::fs::create_dir(place.path("folder")).unwrap();
    refused(&place, "folder", "is a directory");
    let output = place.offline(&["relations", "--from", "nowhere.snap"]);
    assert_eq!(output.code, Some(74), "{}", output.snapshot());
}

#[test]
fn what_only_a_server_can_answer_is_refused() {
    let place = Place::new(bin());
    place.take("some.snap", &["relations", "roles", "-q"]);
    let cases: &[(&[&str], i32, &str)] = &[
        (&["relations", "crap*"], 65, "the snapshot has no answer of relations with crap*"),
        (&["relations", "--system"], 65, "the snapshot has no answer of relations with --system"),
        (&["relations", "--against", "10s"], 64, "cannot be used with --from"),
        (&["relations", "--against", "nowhere"], 64, "there is no file \"nowhere\""),
        (&["relations", "-h", "x"], 64, "-h cannot be used with --from"),
        (&["relations", "-d", "postgres://x/y"], 64, "-d takes only the name of a database"),
        (&["relations", "--sql"], 64, "cannot be used with"),
        (&["relations", "--watch", "1"], 64, "cannot be used with"),
        (&["roles", "-d", "nowhere"], 65, "the snapshot has no database \"nowhere\""),
        (&["relations", "--server-version", "12"], 64, "cannot be used with"),
        (&["relations", "-d", "nowhere"], 65, "the snapshot has no database \"nowhere\""),
        (&["sizes"], 65, "the snapshot has no answer of sizes"),
        (&["describe", "x"], 64, "describe needs NAME, so it cannot be in a snapshot"),
        (&["pools"], 65, "the snapshot has no answer of pools"),
        (
            &["relations", "--all-databases", "-d", "shop"],
            64,
            "-d cannot be used with --from and --all-databases",
        ),
        (&["roles", "--all-databases"], 64, "leave out --all-databases"),
    ];
    Place::refuses(cases, |args| place.offline(&[args, &["--from", "some.snap"]].concat()));
    let shown = place.offline(&["-p", "5", "snapshot", "show", "some.snap"]);
    assert_eq!(shown.code, Some(64), "{}", shown.snapshot());
    // What comes through a pipe is a snapshot too.
    let piped = place.shell(&format!(
        "cat some.snap | {PGKIT} relations --from -; mkfifo p; cat some.snap > p & {PGKIT} relations --from p"
    ));
    let live = place.pgkit(&["relations"]).stdout;
    assert_eq!(piped.stdout, format!("{live}{live}"), "{}", piped.snapshot());
}
