//! The sample data.

use super::Place;
use crate::support::*;

fn top(demo: &Db, family: &str) -> Vec<String> {
    let sql = format!(
        "SELECT {family} FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace \
         GROUP BY 1 ORDER BY sum(pg_total_relation_size(oid)) DESC LIMIT 10"
    );
    demo.sql(&sql).into_iter().map(|row| row[0].clone().unwrap_or_default()).collect()
}

fn they_weigh_what_the_posts_show_on_every_version(bin: &Binaries) {
    let place = Place::new();
    let mut options = place.options();
    options.settings.binaries = bin.clone();
    options.settings.sample = true;
    let server = own_server(&options);
    let demo = Db::existing(server.info(), &server.info().database);
    assert_eq!(demo.name, "demo");
    assert_eq!(
        top(&demo, "relname"),
        [
            "raw_adi_logs",
            "raw_adi",
            "tcbs",
            "exploitability_reports",
            "reports_duplicates",
            "addresses",
            "missing_symbols_20150601",
            "missing_symbols_20150608",
            "missing_symbols_20150622",
            "missing_symbols_20150615",
        ]
    );
    assert_eq!(
        top(&demo, "trim(trailing '_0123456789' from relname)"),
        [
            "reports_user_info",
            "reports_clean",
            "reports",
            "missing_symbols",
            "raw_adi_logs",
            "raw_adi",
            "extensions",
            "tcbs",
            "exploitability_reports",
            "signature_summary_uptime",
        ]
    );
    let kinds = "SELECT string_agg(DISTINCT relkind::text, '' ORDER BY relkind::text) FROM pg_class \
                     WHERE relnamespace IN ('public'::regnamespace, 'archive'::regnamespace)";
    assert_eq!(demo.value(kinds), if bin.major < 11 { "Scimprv" } else { "IScimprv" });
    assert_eq!(demo.value("SELECT count(*) FROM crontabber"), "5");
    assert_eq!(demo.value("SELECT count(*) FROM raw_crashes"), "300");
}
on_every_server!(they_weigh_what_the_posts_show_on_every_version);

#[test]
fn they_load_into_a_database_of_a_test() {
    let db = db("sample");
    db.load_sample();
    assert_eq!(db.value("SELECT count(*) FROM crashes"), "6000");
}
