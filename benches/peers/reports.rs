//! Every report, with the peers that answer the same question.

use std::collections::BTreeSet;

use crate::pairs::{Kind, Pair, Place, Side};
use crate::peers::{Found, Peer};
use Peer::{Activity, CheckActivity, CheckPostgres, Extras, Psql};

/// A command line of pgkit, and its peers.
struct Row {
    line: &'static str,
    /// The peers that answer the whole question.
    peers: &'static [Peer],
    /// The peers that answer only a part of it.
    parts: &'static [Peer],
    /// Why there is no peer, or no good one.
    remark: &'static str,
    stage: Stage,
    /// The extension that the report or its peers need.
    extension: Option<&'static str>,
}

const fn row(line: &'static str, peers: &'static [Peer]) -> Row {
    Row { line, peers, parts: &[], remark: "", stage: Stage::Quiet, extension: None }
}

const fn lonely(line: &'static str, remark: &'static str) -> Row {
    Row { remark, ..row(line, &[]) }
}

impl Row {
    const fn parts(self, parts: &'static [Peer]) -> Row {
        Row { parts, ..self }
    }

    const fn remark(self, remark: &'static str) -> Row {
        Row { remark, ..self }
    }

    const fn at(self, stage: Stage) -> Row {
        Row { stage, ..self }
    }

    const fn needs(self, extension: &'static str) -> Row {
        Row { extension: Some(extension), ..self }
    }
}

// Statements for questions that no program answers.
const EXACT: &str =
    "SELECT c.oid::regclass, s.* FROM pg_class c, pgstattuple_approx(c.oid) s WHERE c.relkind IN ('r', 'm')";
const INDEX_EXACT: &str = "SELECT i.indexrelid::regclass, s.* FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
     JOIN pg_am a ON a.oid = c.relam, pgstatindex(c.oid) s \
     WHERE a.amname = 'btree' AND c.relkind = 'i' AND i.indisvalid AND c.relpersistence <> 't'";
const SCHEMAS: &str = "SELECT relnamespace::regnamespace, sum(pg_total_relation_size(oid)) FROM pg_class \
     WHERE relkind IN ('r', 'm') GROUP BY 1";
const COLUMNS: &str = "SELECT table_schema, table_name, column_name, ordinal_position, data_type, is_nullable, \
     column_default FROM information_schema.columns \
     WHERE table_schema NOT IN ('pg_catalog', 'information_schema')";
const NO_KEY: &str = "SELECT oid::regclass FROM pg_class c WHERE relkind = 'r' \
     AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'p')";

/// The rows for all reports.
const ROWS: &[Row] = &[
    row("describe app.accounts", &[Psql(&[r"\d+ app.accounts"])]),
    lonely("find crash", "no peer: nobody else searches names, columns, bodies, definitions and comments"),
    row("functions", &[Psql(&[r"\df *.*"])]).remark(r"\df *.* has the system's functions too"),
    row("functions --visible", &[Psql(&[r"\df"])]),
    row("relations", &[Psql(&[r"\dtvmsE *.*"])]).remark(r"\d *.* has the system's relations too"),
    row("relations --visible", &[Psql(&[r"\d"])]),
    row("activity", &[Activity("get_pg_activity")])
        .parts(&[Extras("long-running-queries"), CheckPostgres("query_time --critical=1d")])
        .at(Stage::Crowd),
    row(
        "connections",
        &[Activity("get_server_info"), Extras("connections"), CheckActivity("backends_status")],
    )
    .parts(&[CheckPostgres("backends")])
    .at(Stage::Crowd),
    row("locks", &[Activity("get_blocking")])
        .parts(&[Activity("get_waiting"), Extras("blocking")])
        .remark("pg-extras stops after 10 waiters")
        .at(Stage::Crowd),
    row("locks --all", &[])
        .parts(&[Extras("all-locks"), CheckPostgres("locks"), CheckActivity("locks -w 10000 -c 20000")])
        .remark("pg-extras stops after 20 locks, the others only count")
        .at(Stage::Crowd),
    row("pools", &[Psql(&["SHOW POOLS"]), CheckPostgres("pgb_pool_cl_active")]).at(Stage::Pooler),
    row(
        "prepared",
        &[
            Psql(&["TABLE pg_prepared_xacts"]),
            CheckPostgres("prepared_txns"),
            CheckActivity("oldest_2pc -w 1d -c 2d"),
        ],
    ),
    row("progress", &[Psql(&["TABLE pg_stat_progress_vacuum", "TABLE pg_stat_progress_create_index"])])
        .remark("no program shows them together; nothing was running"),
    row("bloat", &[Extras("bloat"), CheckActivity("table_bloat -w 99% -c 100%")]),
    row("bloat --exact", &[Psql(&[EXACT])]).needs("pgstattuple"),
    row(
        "databases",
        &[
            Psql(&[r"\l+"]),
            CheckPostgres("database_size --critical=1TB"),
            CheckActivity("database_size -w size=1TB -c size=2TB"),
        ],
    ),
    row("index-bloat", &[Extras("bloat"), CheckActivity("btree_bloat -w 99% -c 100%")]),
    row("index-bloat --exact", &[Psql(&[INDEX_EXACT])]).needs("pgstattuple"),
    row("schemas", &[Psql(&[SCHEMAS])]).remark(r"no program has their sizes: \dn+ only names them"),
    row("sizes", &[Psql(&[r"\dt+ *.*"]), Extras("total-table-size")]),
    row("sizes --estimate", &[Psql(&[r"\dt+ *.*"])]),
    row("tablespaces", &[Psql(&[r"\db+"])]),
    row("temp", &[Activity("get_temporary_files"), CheckActivity("temp_files -w 10000 -c 20000")]),
    row("index-problems", &[]).parts(&[
        Extras("duplicate-indexes"),
        Extras("unused-indexes"),
        Extras("null-indexes"),
        CheckActivity("invalid_indexes"),
    ]),
    row("indexes", &[Psql(&[r"\di+ *.*"])]).parts(&[Extras("indexes"), Extras("index-size")]),
    row("indexes app.*", &[Psql(&[r"\di+ app.*"])]).parts(&[Extras("index-scans")]),
    row("columns", &[Psql(&[COLUMNS])]),
    row("no-key", &[])
        .parts(&[Psql(&[NO_KEY])])
        .remark("nobody else judges replica identities and publications"),
    row("sequences", &[CheckActivity("sequences_exhausted -w 90% -c 95%"), CheckPostgres("sequence")]),
    row("tables", &[Extras("vacuum-stats")]).parts(&[
        Psql(&["TABLE pg_stat_user_tables"]),
        CheckActivity("last_vacuum -w 999d -c 9999d"),
        CheckPostgres("last_vacuum"),
    ]),
    row("tables app.*", &[]).parts(&[
        Extras("table-index-scans"),
        Extras("records-rank"),
        Extras("index-usage"),
        Extras("seq-scans"),
    ]),
    row("vacuum", &[])
        .parts(&[
            CheckActivity("max_freeze_age"),
            CheckActivity("oldest_xmin -w 1000000 -c 2000000"),
            CheckPostgres("autovac_freeze"),
        ])
        .remark("the peers look at databases alone, not at each table"),
    row(
        "vacuum --scope database --scope horizon",
        &[
            CheckActivity("max_freeze_age"),
            CheckActivity("oldest_xmin -w 1000000 -c 2000000"),
            CheckPostgres("autovac_freeze"),
        ],
    ),
    row("statements", &[Psql(&["TABLE pg_stat_statements"])]).needs("pg_stat_statements"),
    row("statements --limit 20", &[Extras("outliers")]).needs("pg_stat_statements"),
    row("statements --by mean --limit 10", &[Extras("calls")]).needs("pg_stat_statements"),
    row("statements --ids", &[Psql(&["SELECT * FROM pg_stat_statements(false)"])])
        .needs("pg_stat_statements"),
    row("buffers", &[Extras("buffercache-stats")]).needs("pg_buffercache"),
    row("cache", &[]).parts(&[
        Extras("table-cache-hit"),
        Extras("index-cache-hit"),
        CheckPostgres("hitratio"),
        CheckActivity("hit_ratio"),
    ]),
    row("checkpoints", &[Psql(&["TABLE pg_stat_bgwriter"]), CheckActivity("bgwriter")]),
    row("extensions", &[Psql(&[r"\dx"]), Extras("extensions"), CheckActivity("extensions_versions")])
        .remark(r"\dx does not tell which versions there are"),
    row("extensions --installed", &[Psql(&[r"\dx"])]),
    lonely("io", "no peer: none shows who reads and writes"),
    row(
        "replication",
        &[
            Psql(&["TABLE pg_stat_replication", "TABLE pg_replication_slots"]),
            CheckPostgres("replication_slots --critical=1TB"),
            CheckActivity("replication_slots"),
        ],
    ),
    row("settings", &[Psql(&[r"\dconfig"]), CheckActivity("settings")])
        .parts(&[Extras("db-settings"), CheckActivity("configuration")]),
    row("wal", &[CheckActivity("wal_files"), CheckPostgres("wal_files")]),
    lonely("exposed", "no peer: nobody else looks for what is open"),
    row("grants", &[]).parts(&[Psql(&[r"\dp *.*"])]).remark(r"\dp shows relations alone"),
    row("roles", &[Psql(&[r"\du"])]),
];

/// When a row runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// On a quiet server.
    Quiet,
    /// While hundreds of sessions wait for one another.
    Crowd,
    /// On the console of a PgBouncer.
    Pooler,
}

/// Returns the pairs of one stage. Lines whose extension the server does not have go to `left_out`.
pub fn pairs(place: &Place, found: &Found, stage: Stage, left_out: &mut Vec<String>) -> Vec<Pair> {
    let rows = ROWS.iter().filter(|row| row.stage == stage);
    let runs = rows.filter(|row| match row.extension {
        Some(extension) if !place.extensions.iter().any(|has| has == extension) => {
            left_out.push(format!("pgkit {}: the server has no {extension}", row.line));
            false
        }
        _ => true,
    });
    let pair = |row: &Row| {
        let side = |part| move |peer: &Peer| Some(Side { part, ..found.side(place, *peer)? });
        let whole = row.peers.iter().filter_map(side(false));
        let theirs = whole.chain(row.parts.iter().filter_map(side(true))).collect();
        Pair { kind: Kind::Report, ours: place.report(row.line), theirs, remark: row.remark }
    };
    runs.map(pair).collect()
}

/// Panics unless every report has a row, and a further one for each flag that chooses another text, and unless every row
/// without a peer says why.
pub fn check() {
    let mut lines = BTreeSet::new();
    for row in ROWS {
        let words: Vec<&str> = row.line.split_whitespace().collect();
        let explained = !row.peers.is_empty() || !row.parts.is_empty() || !row.remark.is_empty();
        assert!(explained, "{} has neither a peer nor a reason", row.line);
        lines.insert((words[0].to_owned(), None));
        lines.extend(words[1..].iter().filter_map(|word| {
            word.strip_prefix("--").map(|flag| (words[0].to_owned(), Some(flag.to_owned())))
        }));
    }
    let reports = pgkit::report::built_in(|_| true).unwrap();
    for report in &reports {
        for flag in std::iter::once(None).chain(report.texts.iter().map(|text| text.flag.clone())) {
            assert!(
                lines.contains(&(report.name.clone(), flag.clone())),
                "no row for {} {flag:?}",
                report.name
            );
        }
    }
    for (name, _) in &lines {
        assert!(reports.iter().any(|report| report.name == *name), "{name} is no report");
    }
}
