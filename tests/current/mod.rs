//! What is generated and committed is what the program prints now: completions, and the blocks of README.md that
//! begin with `$ pgkit`, and those of docs. `UPDATE=1 cargo test --test all current::` rewrites them.

mod reference;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::*;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares a file with what it should hold, or rewrites it.
fn check(path: &str, now: &str) {
    let file = project(path);
    if variable("UPDATE").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, now).unwrap();
        say(format_args!("rewritten: {path}"));
        return;
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    for (i, (old, new)) in committed.lines().zip(now.lines()).enumerate() {
        assert_eq!(old, new, "{path}:{}: not what the program prints now; UPDATE=1 rewrites it", i + 1);
    }
    assert_eq!(committed.lines().count(), now.lines().count(), "{path} is not current; UPDATE=1 rewrites it");
}

#[test]
fn the_committed_completions_are_current() {
    for (shell, file) in
        [("bash", "pgkit.bash"), ("zsh", "_pgkit"), ("fish", "pgkit.fish"), ("powershell", "_pgkit.ps1")]
    {
        let live = run(&mut with(bare_pgkit(), ["completions", shell]));
        assert_eq!((live.code, live.stderr.as_str()), (Some(0), ""));
        check(&format!("completions/{file}"), &live.stdout);
        let fixed = run(&mut with(bare_pgkit(), ["completions", shell, "--static"]));
        assert!(fixed.stdout.contains("group-partitions"), "{shell}: no flags");
        // clap's script for PowerShell completes no values; the live one does.
        assert!(fixed.stdout.contains("jsonl") || shell == "powershell", "{shell}: no values");
    }
}

/// A line of README that runs, and what stood below it.
struct Example {
    line: String,
    from: usize,
    to: usize,
}

/// The examples in ```console blocks: each `$ ` line with the lines up to the next one, or the block's end.
fn examples(readme: &[&str]) -> Vec<Example> {
    let mut found: Vec<Example> = Vec::new();
    let mut inside = false;
    let mut open = false;
    for (i, line) in readme.iter().enumerate() {
        if !inside {
            inside = *line == "```console";
        } else if *line == "```" {
            inside = false;
            open = false;
        } else if let Some(command) = line.strip_prefix("$ ") {
            open = command.contains("pgkit") || command.starts_with("cat ");
            if open {
                found.push(Example { line: command.to_owned(), from: i + 1, to: i + 1 });
            }
        } else if open && let Some(last) = found.last_mut() {
            last.to = i + 1;
        }
    }
    found
}

/// The names of all pages in `docs`, in order.
fn files_of_docs() -> Vec<String> {
    let names = std::fs::read_dir(project("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut pages: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    pages.retain(|name| name.ends_with(".md"));
    pages.sort();
    pages
}

#[test]
fn what_the_pages_show_is_what_the_program_prints() {
    let db = db("readme");
    db.load_sample();
    let mut pages = vec!["README.md".to_owned()];
    pages.extend(files_of_docs().into_iter().map(|page| format!("docs/{page}")));
    let shown: usize = pages.iter().map(|page| check_examples(&db, page)).sum();
    assert!(shown >= 12, "the pages show too little: {shown} examples");
}

/// Runs the examples of a page. Returns how many there are.
fn check_examples(db: &Db, page: &str) -> usize {
    let text = std::fs::read_to_string(project(page)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let examples = examples(&lines);
    let count = examples.len();
    // A jobs file that others may write is refused, and a checkout may be one.
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("examples")).unwrap();
    for example in std::fs::read_dir(project("tests/examples")).unwrap().map(|entry| entry.unwrap()) {
        let copy = folder.path().join("examples").join(example.file_name());
        std::fs::write(copy, std::fs::read(example.path()).unwrap()).unwrap();
    }
    let closed = run(Command::new("chmod").args(["-R", "go-w"]).arg(folder.path()));
    assert_eq!(closed.code, Some(0), "{}", closed.snapshot());
    let mut now: Vec<String> = Vec::new();
    let mut done = 0;
    for example in examples {
        let mut shell = Command::new("sh");
        shell.env_clear().envs(db.info.env()).env("PGDATABASE", &db.name);
        shell.env("PATH", format!("{}:/usr/bin:/bin", Path::new(PGKIT).parent().unwrap().display()));
        shell.env("TZ", "UTC").env("LC_ALL", "C.UTF-8").env("COLUMNS", "100").env("HOME", "/nonexistent");
        shell.current_dir(folder.path());
        let output = run(shell.arg("-c").arg(format!("{{ {}\n}} 2>&1", example.line)));
        now.extend(lines[done..example.from].iter().map(|l| (*l).to_owned()));
        now.extend(output.stdout.replace(&db.name, "demo").lines().map(str::to_owned));
        done = example.to;
    }
    now.extend(lines[done..].iter().map(|l| (*l).to_owned()));
    check(page, &(now.join("\n") + "\n"));
    count
}

/// What is wrong with a manual page, as groff says; nothing where it is not installed.
fn faults_of_page(page: &str) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, page.as_bytes()).unwrap();
    let mut groff = Command::new("groff");
    groff.args(["-man", "-ww", "-rCHECKSTYLE=3", "-Tutf8", "-z"]).arg(file.path());
    if Command::new("groff").arg("--version").output().is_err() {
        say(format_args!("not run: groff is not installed"));
        return String::new();
    }
    run(&mut groff).stderr
}

#[test]
fn every_manual_page_is_one_that_man_can_show() {
    let tree = pgkit::commands::tree::tree(&pgkit::report::built_in(|_| true).unwrap(), &Vec::new());
    let man = tree.find_subcommand("man").unwrap();
    let subjects = man.get_arguments().find(|arg| arg.get_id() == "subject").unwrap().get_possible_values();
    let subjects: Vec<&str> = subjects.iter().map(|subject| subject.get_name()).collect();
    // Pages in capitals are for those who work on pgkit.
    let files = files_of_docs().into_iter().filter(|file| !file.starts_with(char::is_uppercase));
    let files: Vec<String> = files.map(|file| file.trim_end_matches(".md").to_owned()).collect();
    assert_eq!(subjects, files);
    for subject in [None].into_iter().chain(subjects.into_iter().map(Some)) {
        let page = run(bare_pgkit().arg("man").args(subject));
        assert_eq!(page.code, Some(0), "{}", page.snapshot());
        assert!(page.stdout.starts_with(".TH ") || subject.is_none(), "{subject:?}: {}", page.stdout);
        assert!(page.stdout.contains("\n.SH NAME\n"), "{subject:?}");
        assert!(page.stdout.is_ascii(), "{subject:?}: troff reads ASCII everywhere");
        assert_eq!(faults_of_page(&page.stdout), "", "{subject:?}");
    }
    let all = run(bare_pgkit().arg("man")).stdout;
    for command in tree.get_subcommands() {
        let name = command.get_name().to_uppercase().replace('-', "\\-");
        assert!(all.contains(&format!(".SH PGKIT {name}\n")), "{name}");
        for below in command.get_subcommands() {
            let name = format!("pgkit {} {}", command.get_name(), below.get_name()).replace('-', "\\-");
            assert!(all.contains(&format!("\\fB{name}\\fR")), "{name}");
        }
    }
}

#[test]
fn the_readme_lists_every_exit_code() {
    let readme = std::fs::read_to_string(project("README.md")).unwrap();
    let listed = readme.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let codes = listed.filter_map(|(codes, _)| {
        codes.split(", ").map(|code| code.parse().ok()).collect::<Option<Vec<u8>>>()
    });
    let expected: Vec<u8> = pgkit::error::Exit::ALL.iter().map(|exit| exit.code()).collect();
    assert_eq!(codes.flatten().collect::<Vec<u8>>(), expected);
}

/// Asks for completion as the bash script does: the line up to the cursor, and what of it will be replaced.
fn complete(db: &Db, words: &[&str]) -> Vec<String> {
    let mut command = pgkit(db);
    command.env("COMPLETE", "bash").args(["--", &words.join(" "), words[words.len() - 1]]);
    run(&mut command).lines().into_iter().map(str::to_owned).collect()
}

#[test]
fn completion_knows_values_and_the_live_servers_names() {
    let db = db("complete");
    db.sql("CREATE SCHEMA app; CREATE TABLE app.shipments (a int); CREATE TABLE shopping (a int); CREATE FUNCTION shout() RETURNS int LANGUAGE sql AS 'SELECT 1'");
    assert_eq!(complete(&db, &["pgkit", "sizes", "--measure", ""]), ["main", "toast", "indexes", "total"]);
    assert_eq!(complete(&db, &["pgkit", "sizes", "--format", "js"]), ["json", "jsonl"]);
    assert_eq!(complete(&db, &["pgkit", "relations", "--kind", "mat"]), ["materialized\\ view"]);
    assert_eq!(complete(&db, &["pgkit", "sizes", "sho"]), ["shopping"]);
    assert_eq!(complete(&db, &["pgkit", "relations", "app"]), ["app."]);
    assert_eq!(complete(&db, &["pgkit", "relations", "app.sh"]), ["app.shipments"]);
    assert_eq!(complete(&db, &["pgkit", "functions", "sho"]), ["shout"]);
    assert_eq!(complete(&db, &["pgkit", "sizes", "-d", &db.name]), [db.name.as_str()]);
    assert_eq!(complete(&db, &["pgkit", "log", "on", "--database", &db.name]), [db.name.as_str()]);
    assert_eq!(complete(&db, &["pgkit", "log", "tail", "--user", "postg"]), ["postgres"]);
    assert_eq!(complete(&db, &["pgkit", "log", "on", "--statement", "m"]), ["mod"]);
    let file = project("tests/examples/jobs.toml").display().to_string();
    assert_eq!(complete(&db, &["pgkit", "jobs", "run", "--file", &file, "ro"]), ["rollup"]);
    assert_eq!(
        complete(&db, &["pgkit", "jobs", "why", "--file", &file, ""])[..3],
        ["import", "rollup", "vacuum"]
    );
    assert_eq!(complete(&db, &["pgkit", "doctor", "index-inv"]), ["index-invalid"]);
    assert!(complete(&db, &["pgkit", "sandbox", ""]).contains(&"tour".to_owned()));
    let session = db.session();
    let pid = session.pid().to_string();
    assert!(complete(&db, &["pgkit", "locks", "terminate", ""]).contains(&pid));
    assert_eq!(complete(&db, &["pgkit", "locks", "cancel", "1", &pid]), [pid]);
    assert!(complete(&db, &["pgkit", "locks", "ter"]).contains(&"terminate".to_owned()));
    // Nothing to ask, nothing said, nothing waited for.
    assert!(complete(&db, &["pgkit", "sizes", "-h", "/nonexistent", "sho"]).is_empty());
}

#[test]
fn completion_works_inside_a_real_bash() {
    let db = db("bash");
    db.sql("CREATE TABLE zebra_crossing (a int)");
    let script = format!(
        "source {}; COMP_LINE='pgkit sizes zeb'; COMP_POINT=15; _pgkit pgkit zeb sizes; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        project("completions/pgkit.bash").display()
    );
    let mut bash = Command::new("bash");
    bash.env_clear().envs(db.info.env()).env("PGDATABASE", &db.name).env("HOME", "/nonexistent");
    bash.env("PATH", format!("{}:/usr/bin:/bin", Path::new(PGKIT).parent().unwrap().display()));
    let output = run(bash.arg("-c").arg(script));
    assert_eq!(output.stdout.trim(), "zebra_crossing", "{}", output.stderr);
}
