//! `--role`: an answer as another role sees it.

use pgkit::report::Report;

use super::*;

fn the_answer_with_a_role_is_the_answer_of_that_role(bin: &Binaries) {
    let server = own_server(&options(bin).conf("autovacuum", "off"));
    let db = database(server.info(), "audit");
    db.load_sample();
    let name = "on \"call\"; x\n";
    db.sql(&format!("CREATE ROLE {} LOGIN", catalog::ident(name)));
    db.sql("CREATE SCHEMA hidden; CREATE TABLE hidden.t (x int)");
    let asked = |report: &Report, flags: &[&str]| {
        let mut command = pgkit(&db);
        command.args(line_of(report, "crap_reports")).args(["--limit", "300"]).args(flags);
        run(&mut command)
    };
    for report in server_reports().iter().filter(|report| !needs_extension(report)) {
        // It has a parameter of that name.
        if report.name == "grants" || MOVING.contains(&report.name.as_str()) {
            continue;
        }
        // Statistics of what came before may still be on their way.
        let what = format!("{} is the same on {}", report.name, bin.major);
        eventually(&what, || asked(report, &["-U", name]) == asked(report, &["--role", name]));
    }
    let relations = server_reports().into_iter().find(|report| report.name == "relations").unwrap();
    let all = asked(&relations, &["--role", name, "--all-databases", "--columns", "database"]);
    assert!(all.code == Some(0) && all.stdout.contains(&db.name), "{}", all.snapshot());
    let echoed = asked(&relations, &["--role", name, "-E"]);
    assert!(echoed.stderr.contains("SET LOCAL ROLE U&\"on \"\"call\"\"; x\\000a\""), "{}", echoed.snapshot());
    let script = asked(&relations, &["--role", name, "--sql"]);
    let rows = run(with(psql(&db), ["-q"]).arg("-c").arg(&script.stdout));
    assert_eq!(rows.code, Some(0), "{}", rows.snapshot());
    for (flags, code, word) in [
        (["--role", "nobody here"], 65, "role \"nobody here\" does not exist"),
        (["--role", "none"], 64, "must be the name of a role"),
    ] {
        let output = asked(&relations, &flags);
        assert_eq!((output.code, output.stdout.as_str()), (Some(code), ""), "{}", output.snapshot());
        assert!(output.stderr.contains(word), "{}", output.snapshot());
    }
    let weak = asked(&relations, &["-U", name, "--role", &db.value("SELECT CURRENT_USER")]);
    assert_eq!(weak.code, Some(77), "{}", weak.snapshot());
}
on_every_server!(the_answer_with_a_role_is_the_answer_of_that_role);
