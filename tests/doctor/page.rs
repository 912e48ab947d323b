//! The HTML page of `doctor --html`, which is opened in a real browser if one is installed.

use crate::support::browser::{browser, dom};
use crate::support::*;

const HOSTILE: &str = "<img src=x onerror=document.title=1>\u{202e}</script>\n'\"";

#[test]
fn a_page_shows_the_findings_and_the_rows_of_every_report_and_no_name_does_harm() {
    let db = db("page");
    let name = HOSTILE.replace('"', "\"\"");
    db.sql(&format!(
        "CREATE MATERIALIZED VIEW \"{name}\" AS SELECT 1 AS a WITH NO DATA;
         CREATE TABLE plain (a int PRIMARY KEY);
         INSERT INTO plain SELECT n FROM generate_series(1, 1000) n"
    ));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let mut command = pgkit(&db);
    let output = run(command.args(["doctor", "--allow-unseen", "--database", &db.name, "--html"]).arg(&path));
    assert!(output.stdout.is_empty() && output.stderr.contains("pgkit: doctor: "), "{}", output.snapshot());
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(page.contains("&lt;img src=x onerror=document.title=1&gt;\\u{202e}&lt;/script&gt;"), "not shown");
    // The rows of reports are compressed, and the SVG namespace is not a URL that is loaded.
    let own = page.replace("'http://www.w3.org/2000/svg'", "");
    for foreign in ["<img", " src=\"", "url(", "http:", "https:"] {
        assert!(!own.contains(foreign), "{foreign}");
    }
    assert_eq!(page.matches("<title>").count(), 1);
    let Some(browser) = browser() else { return };
    let shown = dom(&browser, &path);
    assert!(shown.contains("<title>pgkit doctor</title>"), "a name was run as a script");
    assert!(!shown.contains("<img"), "a name became an element");
    assert!(shown.contains("class=\"tree\"") && shown.contains("<rect"), "the treemap of sizes is missing");
    // The report that is open shows its rows, with bars.
    assert!(shown.contains(&format!("<td>{}</td>", db.name)), "no row in the report databases");
    assert!(shown.contains("class=\"bar\""), "the bars are missing");
    assert!(!shown.contains("<p class=\"soft\">The rows could"), "{shown}");
}

#[test]
fn a_page_of_a_snapshot_shows_what_has_grown() {
    // On the shared server, other tests create and drop databases.
    let own = own_server(&options(bin()));
    let db = database(own.info(), "grown");
    db.sql("CREATE TABLE growing AS SELECT n FROM generate_series(1, 1000) n");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).into_os_string().into_string().unwrap();
    let take = |name: &str| {
        let output = run(pgkit(&db).args(["snapshot", "-q", "-o", &path(name)]));
        assert_eq!(output.code, Some(0), "{}", output.snapshot());
    };
    take("before.snap");
    db.sql("INSERT INTO growing SELECT n FROM generate_series(1, 100000) n");
    take("after.snap");
    let (after, before, page) = (path("after.snap"), path("before.snap"), path("page.html"));
    let mut command = bare_pgkit();
    let output = run(command.args([
        "doctor",
        "--from",
        &after,
        "--against",
        &before,
        "--html",
        &page,
        "--fail-on",
        "never",
    ]));
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.contains("What has grown"));
    let Some(browser) = browser() else { return };
    let shown = dom(&browser, page.as_ref());
    let at = shown.find("What has grown").unwrap();
    let table = &shown[at..shown[at..].find("</table>").map_or(shown.len(), |end| at + end)];
    assert!(table.contains("<td>growing</td>"), "{table}");
}

#[test]
fn one_page_has_the_verdicts_of_many_servers() {
    let db = db("pages");
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("servers");
    let info = &db.info;
    let line = format!("host={} port={} user={}", info.socket_dir.display(), info.port, info.user);
    std::fs::write(&list, format!("one {line}\ngone host={} port=1\n", folder.path().display())).unwrap();
    let page = folder.path().join("page.html");
    let mut command = bare_pgkit();
    command.args(["doctor", "checksums-off", "--servers"]).arg(&list).arg("--html").arg(&page);
    let output = run(&mut command);
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    let text = std::fs::read_to_string(&page).unwrap();
    for part in ["href=\"#server0\"", "href=\"#server1\"", "the server could not be asked"] {
        assert!(text.contains(part), "{part}");
    }
}
