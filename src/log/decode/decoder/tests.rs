//! Entries of all formats in pieces of all sizes, whole and damaged.

use super::*;
use crate::log::decode::begins_csvlog;

/// Returns all entries of a text, which are the same whatever the size of the pieces in which it is read.
fn decode(make: &dyn Fn() -> Decoder, text: &[u8]) -> Vec<Record> {
    let mut first: Option<Vec<Record>> = None;
    for size in [1, 2, 3, 7, 64, text.len().max(1)] {
        let mut all = Vec::new();
        let mut sink = |record: &Record| {
            all.push(record.clone());
            Ok(Flow::More)
        };
        let mut decoder = make();
        for piece in text.chunks(size) {
            decoder.feed(piece, &mut sink).unwrap();
        }
        decoder.end(&mut sink).unwrap();
        match &first {
            Some(first) => assert_eq!(&all, first, "in pieces of {size}"),
            None => first = Some(all),
        }
    }
    first.unwrap()
}

fn utc() -> Clock {
    Clock::named("UTC").unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn lines_that_continue_belong_to_their_entry() {
    let log = "2026-11-24 06:24:50.123 UTC [12] app@shop LOG:  execute <unnamed>: SELECT 1,\n\
               \t2026-11-24 06:24:50.123 UTC [12] app@shop LOG:  not an entry\n\
               \t\t-- indented\n\
               2026-11-24 06:24:50.123 UTC [12] app@shop DETAIL:  Parameters: $1 = 'a\n\
               \tb'\n\
               2026-11-24 06:24:51.000 UTC [13] LOG:  checkpoint starting: time\n\
               segfault in some library\n\
               2026-11-24 06:24:52.000 UTC [14] app@shop ERROR:  relation \"x\" does not exist at character 15\n\
               2026-11-24 06:24:52.000 UTC [14] app@shop HINT:  look\n\
               2026-11-24 06:24:52.000 UTC [14] app@shop STATEMENT:  SELECT *\n\
               \tFROM x\n\
               2026-11-24 06:24:53.000 UTC [14] app@shop LOG:  cut in the mid";
    let make = || Decoder::stderr(Prefix::compile("%m [%p] %q%u@%d "), utc());
    let all = decode(&make, log.as_bytes());
    assert_eq!(all.len(), 5, "{all:?}");
    let shape = all[0].shape();
    assert_eq!(
        text(&shape.statement),
        "SELECT 1,\n2026-11-24 06:24:50.123 UTC [12] app@shop LOG:  not an entry\n\t-- indented"
    );
    assert_eq!(text(&shape.parameters), "$1 = 'a\nb'");
    assert_eq!((text(&all[0].database), all[0].pid), ("shop", Some(12)));
    assert_eq!(text(&all[2].message), "segfault in some library");
    assert!(all[2].time.is_none() && all[2].severity.is_empty());
    assert_eq!((text(&all[3].statement), text(&all[3].hint)), ("SELECT *\nFROM x", "look"));
    assert_eq!(text(&all[4].message), "cut in the mid");
    assert_eq!(all[1].time.unwrap().to_string(), "2026-11-24T06:24:51Z");
}

#[test]
fn of_verbose_messages_the_sqlstate_is_a_field() {
    let log = "2026-11-24 06:24:50.123 UTC [12] LOG:  00000: duration: 1.000 ms  statement: SELECT 1\n\
               2026-11-24 06:24:50.123 UTC [12] LOCATION:  exec_simple_query, postgres.c:1309\n\
               2026-11-24 06:24:51.123 UTC [12] ERROR:  22012: division by zero at character 8\n\
               2026-11-24 06:24:51.123 UTC [12] STATEMENT:  SELECT 1/0\n";
    let all = decode(&|| Decoder::stderr(Prefix::compile("%m [%p] "), utc()), log.as_bytes());
    assert_eq!((all[0].shape().duration_ms, text(&all[0].sqlstate)), (Some(1.0), "00000"));
    assert_eq!((text(&all[1].message), text(&all[1].sqlstate)), ("division by zero", "22012"));
}

/// Returns a line of csvlog as PostgreSQL 15 writes it.
fn csv(second: u32, message: &str) -> String {
    format!(
        "2026-11-24 06:24:{second:02}.123 UTC,\"app\",\"shop\",4711,\"127.0.0.1:40000\",65640a2d.1267,1,\"SELECT\",\
         2026-11-24 06:00:00 UTC,3/45,0,LOG,00000,\"{}\",\"Parameters: $1 = 'a'\",,,,,,,,\"psql\",\"client backend\",,0\n",
        message.replace('"', "\"\"")
    )
}

#[test]
fn csvlog_is_read_whatever_the_statements_hold() {
    // A csvlog line inside a statement is not an entry.
    let nasty = format!("statement: SELECT '\n\n,\"\n{}'", csv(9, "statement: inner \"quoted\""));
    let log = format!("{}{}{}", csv(1, &nasty), csv(2, "statement: SELECT \"a,b\"\"c\""), csv(3, ""));
    let all = decode(&|| Decoder::csv(utc()), log.as_bytes());
    assert_eq!(all.len(), 3, "{all:?}");
    assert_eq!(text(&all[0].message), nasty);
    assert_eq!(text(&all[1].shape().statement), "SELECT \"a,b\"\"c\"");
    assert_eq!((text(&all[1].application), text(&all[1].client)), ("psql", "127.0.0.1:40000"));
    // Older servers have fewer columns.
    let old = csv(1, "statement: x").replace(",\"psql\",\"client backend\",,0\n", ",\"psql\"\n");
    assert_eq!(decode(&|| Decoder::csv(utc()), old.as_bytes()).len(), 1);
}

#[test]
fn a_line_of_csvlog_that_is_cut_costs_nothing_but_itself() {
    let (whole, cut) = (csv(1, "statement: one"), csv(2, "statement: SELECT \"two\" and more"));
    for at in [10, 40, 60, 130, 170, 190, cut.len() - 2] {
        for glue in ["", "\n"] {
            let log = format!("{whole}{}{glue}{}{}", &cut[..at], csv(3, "statement: three"), csv(4, "four"));
            let mut found: Vec<String> = decode(&|| Decoder::csv(utc()), log.as_bytes())
                .iter()
                .map(|r| text(&r.message).to_owned())
                .collect();
            // A line that lacks only its last column is read as an entry.
            found.retain(|message| !message.contains("two"));
            assert_eq!(found, ["statement: one", "statement: three", "four"], "{at} {glue:?}");
        }
    }
}

fn json(second: u32, message: &str) -> String {
    format!(
        "{{\"timestamp\":\"2026-11-24 06:24:{second:02}.123 UTC\",\"user\":\"app\",\"dbname\":\"shop\",\"pid\":4711,\
         \"remote_host\":\"::1\",\"remote_port\":40000,\"error_severity\":\"ERROR\",\"state_code\":\"42P01\",\
         \"message\":{},\"statement\":\"SELECT 1\",\"application_name\":\"psql\",\"backend_type\":\"client backend\",\"query_id\":0}}\n",
        serde_json::Value::from(message)
    )
}

#[test]
fn jsonlog_is_read_and_a_line_that_is_cut_costs_nothing_but_itself() {
    let nasty = "a \"quoted\"\nmessage\t\u{1}🐘 {\"timestamp\":\"x\"}";
    let cut = json(2, "two");
    for at in [5, 60, 200, cut.len() - 2] {
        for glue in ["", "\n"] {
            let log = format!("{}{}{glue}{}", json(1, nasty), &cut[..at], json(3, "three"));
            let all = decode(&|| Decoder::json(utc()), log.as_bytes());
            let found: Vec<&str> = all.iter().map(|r| text(&r.message)).collect();
            assert_eq!(found, [nasty, "three"], "{at} {glue:?}");
            assert_eq!((text(&all[0].client), text(&all[0].sqlstate)), ("::1:40000", "42P01"));
        }
    }
    // Bytes of another encoding are shown, not lost.
    let mut latin: Vec<u8> = json(1, "caf@").into_bytes();
    let at = latin.iter().position(|b| *b == b'@').unwrap();
    latin[at] = 0xe9;
    assert_eq!(text(&decode(&|| Decoder::json(utc()), &latin)[0].message), "caf\\xE9");
}

/// Returns a log of entries that have a word in any of their parts, mixed with lines of other programs, cut entries,
/// entries of another format and words of an unknown language.
fn log_with_anything(random: &mut fastrand::Rng, format: u8) -> String {
    let pasted = "a\n2026-11-24 06:24:03.001 UTC [7] LOG:  pasted needle";
    let words = [pasted, "needle", "x", "a\nneedle", "a\n\nb", "\"", "{", "ERROR:  x", "needle, \"x\""];
    let mut log = String::new();
    for i in 0..random.usize(1..12) {
        let mut word = || words[random.usize(..words.len())];
        let texts = [word(), word(), word()];
        let severity = ["LOG", "ERROR", "FEHLER", "WARNING"][random.usize(..4)];
        let format = if random.u8(..12) == 0 { random.u8(..3) } else { format };
        let before = log.len();
        match format {
            0 => {
                let pid = random.u8(1..3);
                for (part, text) in ["LOG", "DETAIL", "STATEMENT"].into_iter().zip(texts) {
                    if part == "LOG" || random.bool() {
                        let word = if part == "LOG" { severity } else { part };
                        let text = text.replace('\n', "\n\t");
                        log.push_str(&format!(
                            "2026-11-24 06:24:5{}.123 UTC [{pid}] {word}:  {text}\n",
                            i % 10
                        ));
                    }
                }
                if random.u8(..6) == 0 {
                    log.push_str(
                        ["somebody else wrote needle\n", "and x\n", "\tneedle\n"][random.usize(..3)],
                    );
                }
            }
            1 => log.push_str(&csv(i as u32, texts[0]).replace("LOG", severity)),
            _ => log.push_str(&json(i as u32, texts[0]).replace("ERROR", severity)),
        }
        // The entry is cut, and the next one follows directly.
        if random.u8(..15) == 0 {
            let mut at = before + random.usize(..log.len() - before);
            while !log.is_char_boundary(at) {
                at -= 1;
            }
            log.truncate(at);
        }
    }
    log
}

#[test]
fn a_piece_of_an_entry_of_csvlog_costs_no_other_one() {
    let mut random = fastrand::Rng::with_seed(23);
    let messages = ["one", "two\nlines", "a \"quoted\"\nword", "\"", "x\n\n\"y\"\n,\n", ""];
    for round in 0..400 {
        let entries: Vec<String> =
            (0..random.u32(3..8)).map(|i| csv(i, messages[random.usize(..messages.len())])).collect();
        let damaged = random.usize(..entries.len());
        let whole = &entries[damaged];
        let at = random.usize(1..whole.len() - 1);
        // The piece is the beginning of the log, its end (as after a rotation), or text of another program.
        let piece = match round % 3 {
            0 => format!("{}\n", &whole[..at]),
            1 => whole[at..].to_owned(),
            _ => "somebody's \"open quote\n".to_owned(),
        };
        let mut log = String::new();
        for (i, entry) in entries.iter().enumerate() {
            log.push_str(if i == damaged { &piece } else { entry });
        }
        let found = decode(&|| Decoder::csv(utc()), log.as_bytes());
        for (i, _) in entries.iter().enumerate().filter(|(i, _)| *i != damaged) {
            let millis = |record: &Record| record.time.unwrap().as_second() % 60;
            assert!(found.iter().any(|record| millis(record) == i as i64), "{i} of {log}");
        }
    }
}

#[test]
fn a_sieve_cuts_no_entry_that_is_too_long_to_be_kept() {
    let head = "2026-11-24 06:24:50.123 UTC [1]";
    let long = format!("{head} ERROR:  SELECT\n{}", "\tyyyyyyyyyyyyyyyyyyyyyyyy\n".repeat(LONGEST / 20));
    let log = format!(
        "{head} LOG:  first\n{long}{head} DETAIL:  needle\n{head} STATEMENT:  thread\n{head} LOG:  last\n"
    );
    let read = |sieve: Sieve| {
        let mut found = Vec::new();
        let mut decoder = Decoder::stderr(Prefix::compile("%m [%p] "), utc());
        decoder.only(sieve);
        let mut sink = |record: &Record| {
            found.push((
                record.message.len(),
                text(&record.detail).to_owned(),
                text(&record.statement).to_owned(),
            ));
            Ok(Flow::More)
        };
        for piece in log.as_bytes().chunks(256 << 10) {
            decoder.feed(piece, &mut sink).unwrap();
        }
        decoder.end(&mut sink).unwrap();
        found.retain(|(_, detail, _)| detail == "needle");
        found
    };
    let needle = Required::of(&regex::bytes::Regex::new("thread").unwrap());
    let found = read(Sieve { errors: false, required: needle });
    assert!(found.len() == 1 && found == read(Sieve::default()), "{found:?}");
}

#[test]
fn what_only_begins_with_a_time_is_no_csvlog() {
    for text in ["2026-11-24 06:24:50 UTC,1\n", "2026-11-24 06:24:50.123 UTC [7] LOG:  x\n"] {
        assert!(!begins_csvlog(text.as_bytes()), "{text}");
    }
    assert!(begins_csvlog(csv(1, "x\ny").as_bytes()));
}

#[test]
fn what_a_sieve_lets_through_is_what_a_filter_would() {
    let makers: [&dyn Fn() -> Decoder; 3] =
        [&|| Decoder::stderr(Prefix::compile("%m [%p] "), utc()), &|| Decoder::csv(utc()), &|| {
            Decoder::json(utc())
        }];
    let needle = Required::of(&regex::bytes::Regex::new("needle").unwrap()).unwrap();
    let mut random = fastrand::Rng::with_seed(11);
    let (mut kept, mut all) = (0, 0);
    for round in 0..600u32 {
        let format = (round % 3) as u8;
        let log = log_with_anything(&mut random, format);
        for errors in [false, true] {
            let sieve = Sieve { errors, required: (!errors || round % 2 == 0).then(|| needle.clone()) };
            let wanted = |record: &Record| {
                (!errors || record.is_error() != Some(false))
                    && sieve.required.as_ref().is_none_or(|required| required.may_be_of(record))
            };
            let mut expected = decode(makers[usize::from(format)], log.as_bytes());
            all += expected.len();
            expected.retain(wanted);
            for size in [1, 7, 64, log.len().max(1)] {
                let mut found = Vec::new();
                let mut decoder = makers[usize::from(format)]();
                decoder.only(sieve.clone());
                let mut sink = |record: &Record| {
                    found.extend(wanted(record).then(|| record.clone()));
                    Ok(Flow::More)
                };
                for piece in log.as_bytes().chunks(size) {
                    decoder.feed(piece, &mut sink).unwrap();
                }
                decoder.end(&mut sink).unwrap();
                assert_eq!(found, expected, "{errors} in pieces of {size}: {log}");
            }
            kept += expected.len();
        }
    }
    assert!(kept * 10 > all && kept * 2 < all, "{kept} of {all}");
}

#[test]
fn reading_may_begin_in_the_middle_of_an_entry() {
    let makers: [(&dyn Fn() -> Decoder, String); 3] = [
        (&|| Decoder::csv(utc()), csv(1, "statement: first\n, \"x\"\nmore") + &csv(2, "second")),
        (&|| Decoder::json(utc()), json(1, "first") + &json(2, "second")),
        (
            &|| Decoder::stderr(Prefix::compile("%m [%p] "), utc()),
            "2026-11-24 06:24:50.123 UTC [12] LOG:  first\n\tmore\n2026-11-24 06:24:50.123 UTC [12] LOG:  second\n"
                .to_owned(),
        ),
    ];
    for (make, log) in makers {
        for from in [1, 30, log.find("first").unwrap() + 2, log.find("first").unwrap() + 7] {
            let middle = || {
                let mut decoder = make();
                decoder.in_the_middle();
                decoder
            };
            let all = decode(&middle, &log.as_bytes()[from..]);
            assert_eq!(all.len(), 1, "{from}: {all:?}");
            assert_eq!(text(&all[0].message), "second");
        }
    }
}

#[test]
fn of_a_statement_that_is_too_long_the_beginning_is_kept_and_what_is_behind_it() {
    type Write = fn(u32, &str) -> String;
    let csvlog = (Decoder::csv(utc()), csv as Write);
    for (fresh, write) in [csvlog, (Decoder::json(utc()), json as Write)] {
        for pattern in ["\"\"\"x\n", "\\\"\u{1f418}"] {
            let long = format!(
                "duration: 5.000 ms  statement: {}",
                pattern.repeat((LONGEST * 5 / 4) / pattern.len())
            );
            let log = format!("{}{}{}", write(1, "before"), write(2, &long), write(3, "after"));
            for size in [(1 << 16) - 1, 1 << 20] {
                let mut all = Vec::new();
                let mut sink = |record: &Record| {
                    all.push(record.clone());
                    Ok(Flow::More)
                };
                let mut decoder = fresh.fresh();
                for piece in log.as_bytes().chunks(size) {
                    decoder.feed(piece, &mut sink).unwrap();
                }
                decoder.end(&mut sink).unwrap();
                let what = format!("{pattern:?} {size} {:?}", decoder.losses());
                assert_eq!(all.len(), 3, "{what}");
                assert_eq!(all[1].shape().duration_ms, Some(5.0), "{what}");
                assert_eq!((text(&all[1].application), text(&all[2].message)), ("psql", "after"), "{what}");
                assert!(all[1].message.len() > LONGEST / 4, "{what}");
                assert!(text(&all[1].message).starts_with(&long[..32]), "{what}");
                assert_eq!(decoder.losses(), Losses { cut: 1, ..Losses::default() }, "{what}");
            }
        }
    }
}

#[test]
fn an_entry_without_end_is_kept_to_a_bound_and_counted() {
    let makers: [(&dyn Fn() -> Decoder, String, String, &str); 3] = [
        (
            &|| Decoder::stderr(Prefix::compile("%m [%p] "), utc()),
            "2026-11-24 06:24:50.123 UTC [12] LOG:  statement: ".to_owned(),
            "2026-11-24 06:24:50.123 UTC [12] LOG:  next\n".to_owned(),
            "",
        ),
        (&|| Decoder::csv(utc()), csv(1, "@").split_once('@').unwrap().0.to_owned(), csv(2, "next"), "\""),
        (
            &|| Decoder::json(utc()),
            json(1, "@").split_once('@').unwrap().0.to_owned(),
            json(2, "next"),
            "\"}",
        ),
    ];
    for (make, mut long, next, end) in makers {
        // In one line, and in lines of which each begins as an entry does.
        for more in ["x", &format!("\n\t2026-11-24 06:24:50.123 UTC{}", "x".repeat(500))] {
            long.push_str(&more.repeat(LONGEST * 2 / more.len()));
            let mut lengths = Vec::new();
            let mut decoder = make();
            let mut sink = |record: &Record| {
                lengths.push(record.message.len());
                Ok(Flow::More)
            };
            for piece in format!("{long}{end}\n{next}").as_bytes().chunks(1 << 20) {
                decoder.feed(piece, &mut sink).unwrap();
            }
            decoder.end(&mut sink).unwrap();
            let losses = decoder.losses();
            assert_eq!(lengths.pop(), Some(4), "{end} {more:?}");
            if end.is_empty() {
                assert!(lengths.len() == 1 && lengths[0] <= LONGEST && lengths[0] > LONGEST / 2);
                assert_eq!(losses, Losses { cut: 1, ..Losses::default() }, "{more:?}");
            } else if end == "\"}" && more == "x" {
                assert!(lengths.len() == 1 && lengths[0] <= LONGEST && lengths[0] > LONGEST / 2);
                assert_eq!(losses, Losses { cut: 1, ..Losses::default() });
            } else {
                assert!(lengths.is_empty(), "{end} {more:?} {lengths:?}");
                // A line of jsonlog is an entry, or none.
                let too_long = u64::from(more == "x" || end == "\"");
                assert_eq!((losses.cut, losses.too_long), (0, too_long), "{end} {more:?} {losses:?}");
                // Line feeds between lines are not counted in every format.
                let least = (long.len() - long.len() / 100) as u64;
                assert!(losses.bytes >= least, "{end} {more:?} {losses:?} of {least}");
            }
            long.truncate(long.len() - more.len() * (LONGEST * 2 / more.len()));
        }
    }
}
