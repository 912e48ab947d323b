//! Compares reports with the server's own views and functions, row for row.

use pgkit::sandbox::Binaries;

use super::described;
use super::dump::unquoted;
use crate::reports::*;
use crate::support::*;

/// A report, and a query that must return the same rows.
struct Comparison {
    args: &'static [&'static str],
    columns: &'static str,
    /// The oldest version that the query runs on.
    since: u32,
    /// The least number of rows, so that something is compared.
    least: usize,
    /// Returns whether a row is compared.
    keep: fn(&[String]) -> bool,
    sql: &'static str,
}

const fn all(_: &[String]) -> bool {
    true
}

/// Reports about the catalog of one database.
const OF_A_DATABASE: &[Comparison] = &[
    Comparison {
        args: &["schemas"],
        columns: "schema,owner,relations,main_bytes,toast_bytes,indexes_bytes,total_bytes",
        since: 10,
        least: 20,
        keep: all,
        sql: "SELECT n.nspname, pg_get_userbyid(n.nspowner), count(c.oid), \
                     CASE WHEN count(c.oid) = 0 THEN 0 ELSE sum(pg_relation_size(c.oid)) FILTER (WHERE c.relkind IN ('r', 'm')) END, \
                     CASE WHEN count(c.oid) = 0 THEN 0 ELSE sum(coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0)) FILTER (WHERE c.relkind IN ('r', 'm')) END, \
                     CASE WHEN count(c.oid) = 0 THEN 0 ELSE sum(pg_indexes_size(c.oid)) FILTER (WHERE c.relkind IN ('r', 'm')) END, \
                     CASE WHEN count(c.oid) = 0 THEN 0 ELSE sum(pg_total_relation_size(c.oid)) FILTER (WHERE c.relkind IN ('r', 'm')) END \
              FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'm', 'f') \
              WHERE n.nspname !~ '^(pg_catalog|pg_toast.*|information_schema)$' GROUP BY n.nspname, n.nspowner",
    },
    Comparison {
        args: &["indexes"],
        columns: "schema,table,name,method,total_bytes,scans,rows_read,rows_fetched,valid,unique,primary,definition",
        since: 10,
        least: 500,
        keep: all,
        sql: "SELECT n.nspname, t.relname, c.relname, a.amname, \
                     (SELECT sum(pg_relation_size(c.oid, fork)) FROM unnest(ARRAY['main', 'fsm', 'vm', 'init']) AS fork WHERE c.relkind = 'i'), \
                     s.idx_scan, s.idx_tup_read, s.idx_tup_fetch, (i.indisvalid AND i.indisready AND i.indislive)::text, \
                     i.indisunique::text, i.indisprimary::text, pg_get_indexdef(c.oid) \
              FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid \
              JOIN pg_am a ON a.oid = c.relam JOIN pg_namespace n ON n.oid = c.relnamespace \
              LEFT JOIN pg_stat_all_indexes s ON s.indexrelid = c.oid \
              WHERE n.nspname !~ '^(pg_catalog|pg_toast.*|information_schema)$'",
    },
    Comparison {
        args: &["indexes", "--group-partitions"],
        columns: "schema,table,name,members,total_bytes,definition",
        since: 12,
        least: 500,
        keep: all,
        sql: "SELECT n.nspname, t.relname, c.relname, count(l.oid), sum(pg_total_relation_size(l.oid)), pg_get_indexdef(c.oid) \
              FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid \
              JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN LATERAL pg_partition_tree(c.oid) AS p ON true \
              LEFT JOIN pg_class l ON l.oid = coalesce(p.relid::oid, c.oid) AND l.relkind = 'i' \
              WHERE NOT c.relispartition AND n.nspname !~ '^(pg_catalog|pg_toast.*|information_schema)$' \
              GROUP BY n.nspname, t.relname, c.relname, c.oid",
    },
    Comparison {
        args: &["columns"],
        // information_schema.columns leaves out materialized views and composite types, and shows a column as NOT NULL if
        // only its domain is.
        columns: "kind,schema,relation,column,position,not_null,default,identity,collation",
        since: 10,
        least: 5000,
        keep: |row| row[0] != "materialized view" && row[0] != "composite type",
        sql: "SELECT CASE t.table_type WHEN 'VIEW' THEN 'view' WHEN 'FOREIGN' THEN 'foreign table' WHEN 'FOREIGN TABLE' THEN 'foreign table' ELSE \
                       CASE WHEN EXISTS (SELECT FROM pg_partitioned_table p JOIN pg_class r ON r.oid = p.partrelid JOIN pg_namespace n ON n.oid = r.relnamespace \
                                         WHERE n.nspname = c.table_schema AND r.relname = c.table_name) THEN 'partitioned table' ELSE 'table' END END, \
                     c.table_schema, c.table_name, c.column_name, c.ordinal_position, \
                     (c.is_nullable = 'NO' AND (c.domain_name, c.table_name) IS DISTINCT FROM ('email', 'everything'))::text, \
                     c.column_default, lower(c.identity_generation), quote_ident(c.collation_name) \
              FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name) \
              WHERE c.table_schema NOT IN ('pg_catalog', 'information_schema')",
    },
    Comparison {
        args: &["extensions", "--available"],
        columns: "name,installed,available,behind,comment",
        since: 10,
        least: 20,
        keep: all,
        sql: "SELECT name, installed_version, default_version, (installed_version <> default_version)::text, comment FROM pg_available_extensions",
    },
];

/// Reports about a whole server, and the counters of its busy database.
const OF_A_SERVER: &[Comparison] = &[
    Comparison {
        args: &["databases"],
        columns: "database,owner,total_bytes,deadlocks,temp_bytes,conflicts,tablespace,encoding,is_template,allows_connections",
        since: 10,
        least: 5,
        keep: all,
        sql: "SELECT d.datname, pg_get_userbyid(d.datdba), pg_database_size(d.datname), s.deadlocks, s.temp_bytes, s.conflicts, \
                     t.spcname, pg_encoding_to_char(d.encoding), d.datistemplate::text, d.datallowconn::text \
              FROM pg_database d JOIN pg_stat_database s USING (datname) JOIN pg_tablespace t ON t.oid = d.dattablespace",
    },
    Comparison {
        args: &["tablespaces"],
        columns: "tablespace,location,total_bytes,relations,databases,owner",
        since: 10,
        least: 3,
        keep: all,
        // The path of a relation's file tells its tablespace.
        sql: "SELECT t.spcname, nullif(pg_tablespace_location(t.oid), ''), pg_tablespace_size(t.spcname), \
                     (SELECT count(*) FROM pg_class c WHERE split_part(pg_relation_filepath(c.oid), '/', 1) = \
                        CASE t.spcname WHEN 'pg_default' THEN 'base' WHEN 'pg_global' THEN 'global' ELSE 'pg_tblspc' END \
                        AND (t.spcname ~ '^pg_' OR split_part(pg_relation_filepath(c.oid), '/', 2) = t.oid::text)), \
                     CASE WHEN t.spcname <> 'pg_global' THEN (SELECT count(*) FROM pg_tablespace_databases(t.oid)) END, pg_get_userbyid(t.spcowner) \
              FROM pg_tablespace t",
    },
    Comparison {
        args: &["roles", "--system"],
        columns: "role,superuser,login,attributes,connection_limit,valid_until,password",
        since: 10,
        least: 30,
        keep: all,
        sql: "SELECT rolname, rolsuper::text, rolcanlogin::text, \
                     nullif(array_to_string(ARRAY[CASE WHEN rolcreaterole THEN 'create role' END, CASE WHEN rolcreatedb THEN 'create database' END, \
                       CASE WHEN rolreplication THEN 'replication' END, CASE WHEN rolbypassrls THEN 'bypass row security' END, \
                       CASE WHEN NOT rolinherit THEN 'no inherit' END], ', '), ''), \
                     nullif(rolconnlimit, -1), to_char(rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), \
                     coalesce(CASE left(rolpassword, 3) WHEN 'md5' THEN 'md5' WHEN 'SCR' THEN 'scram' END, 'none') \
              FROM pg_authid",
    },
    Comparison {
        args: &["roles", "--system", "--columns", "role,member_of"],
        columns: "",
        since: 10,
        least: 30,
        keep: all,
        sql: "SELECT r.rolname, (SELECT string_agg(x.role || coalesce(' (' || nullif(concat_ws(', ', x.admin, x.inherit), '') || ')', ''), ', ' ORDER BY x.role COLLATE \"C\") \
                     FROM (SELECT quote_ident(g.rolname) AS role, max(CASE WHEN m.admin_option THEN 'admin' END) AS admin, \
                                  max(CASE WHEN NOT (to_jsonb(m) ->> 'inherit_option')::bool THEN 'no inherit' END) AS inherit \
                           FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid GROUP BY 1) AS x) \
              FROM pg_roles r",
    },
    Comparison {
        args: &["settings", "--all"],
        columns: "scope,name,value,unit,default,source,pending_restart",
        since: 10,
        least: 250,
        keep: |row| row[0] == "server" && !OF_SESSIONS.contains(&row[1].as_str()),
        sql: "SELECT 'server', name, setting, unit, boot_val, source, pending_restart::text FROM pg_settings WHERE source NOT IN ('client', 'session')",
    },
    Comparison {
        args: &["settings"],
        columns: "scope,database,user,name,value",
        since: 10,
        least: 3,
        keep: |row| row[0] != "server",
        sql: "SELECT CASE WHEN s.setrole = 0 THEN 'database' WHEN s.setdatabase = 0 THEN 'role' ELSE 'role in database' END, \
                     d.datname, r.rolname, (regexp_matches(c, '^[^=]+'))[1], regexp_replace(c, '^[^=]+=', '') \
              FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) AS c",
    },
    Comparison {
        args: &["tables"],
        columns: "schema,name,seq_scans,index_scans,rows_estimate,inserted,updated,deleted,hot_pct,dead_rows,last_vacuum,last_analyze",
        since: 10,
        least: 10,
        // A partitioned table has no counters of its own.
        keep: |row| !row[2].is_empty(),
        sql: "SELECT s.schemaname, s.relname, s.seq_scan, coalesce(s.idx_scan, 0), CASE WHEN c.relpages > 0 THEN c.reltuples::int8 END, \
                     s.n_tup_ins, s.n_tup_upd, s.n_tup_del, round(100.0 * s.n_tup_hot_upd / nullif(s.n_tup_upd, 0), 1)::float8, s.n_dead_tup, \
                     regexp_replace(to_char(s.last_vacuum AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '[.]?0*$', '') || 'Z', regexp_replace(to_char(s.last_analyze AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '[.]?0*$', '') || 'Z' \
              FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid AND c.relkind IN ('r', 'm')",
    },
];

/// Settings that belong to a session or a transaction.
const OF_SESSIONS: &[&str] = &[
    "application_name",
    "client_encoding",
    "jit",
    "search_path",
    "transaction_isolation",
    "transaction_read_only",
];

/// Fails with all differences.
fn compare(db: &Db, major: u32, comparisons: &[Comparison]) {
    let mut differences = Vec::new();
    for comparison in comparisons.iter().filter(|one| one.since <= major) {
        let columns: &[&str] =
            if comparison.columns.is_empty() { &[] } else { &["--columns", comparison.columns] };
        let ours = answer(db, &[comparison.args, columns].concat());
        let ours = ours.into_iter().filter(|row| (comparison.keep)(row)).collect();
        // Expressions show schemas that are not in the search path, and pgkit's path has only the system's schema.
        let session = db.session();
        session.sql("SET search_path = pg_catalog");
        let theirs = session.sql(comparison.sql);
        let theirs = theirs.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect());
        let theirs: Vec<Row> = theirs.filter(|row: &Row| (comparison.keep)(row)).collect();
        assert!(theirs.len() >= comparison.least, "{:?} on {major}: {} rows", comparison.args, theirs.len());
        differences.extend(difference(&format!("{:?} on {major}", comparison.args), ours, theirs));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn reports_of_a_database_say_what_the_servers_views_say(bin: &Binaries) {
    let db = filled::filled(bin);
    let comparisons = OF_A_DATABASE;
    let comparisons =
        if cannot_list_extensions(&db) { &comparisons[..comparisons.len() - 1] } else { comparisons };
    compare(&db, bin.major, comparisons);
}
on_every_server!(reports_of_a_database_say_what_the_servers_views_say);

fn columns_have_the_types_and_collations_that_psql_shows(bin: &Binaries) {
    let db = database(server(bin).info(), "columns_oracle");
    described::fill(&db, bin.major);
    let columns = "schema,relation,column,type,collation,not_null,kind";
    let ours = answer(&db, &["columns", "--columns", columns]);
    // psql shows one more column for foreign tables, names collations without their schema, and shows a NOT NULL constraint
    // that is not validated as NOT NULL.
    let is_compared =
        |row: &Row| row[6] != "foreign table" && (row[1].as_str(), row[2].as_str()) != ("newest", "c");
    let ours = ours.into_iter().filter(is_compared).map(|mut row| {
        row[4] = row[4].rsplit('.').next().map(unquoted).unwrap_or_default();
        row.truncate(6);
        row
    });
    let ours: Vec<Row> = ours.collect();
    let mut relations: Vec<&[String]> = ours.iter().map(|row| &row[..2]).collect();
    relations.dedup();
    let quoted = |one: &[String]| format!("\\d {}.{}", catalog::ident(&one[0]), catalog::ident(&one[1]));
    let commands: Vec<String> = relations.iter().map(|one| quoted(one)).collect();
    let answers = psql_answers(&db, &commands, 5);
    let mut theirs = Vec::new();
    for (relation, rows) in relations.iter().zip(answers) {
        for row in rows {
            let not_null = (row[3] == "not null").to_string();
            if (relation[1].as_str(), row[0].as_str()) == ("newest", "c") {
                continue;
            }
            theirs.push([*relation, &row[..3], &[not_null]].concat());
        }
    }
    assert!(relations.len() >= 18 && theirs.len() >= 60, "{} {}", relations.len(), theirs.len());
    assert_same(&format!("columns on {}", bin.major), ours, theirs);
}
on_every_server!(columns_have_the_types_and_collations_that_psql_shows);

fn reports_of_a_server_say_what_its_views_say(bin: &Binaries) {
    let options = options(bin).conf("work_mem", "1MB").conf("log_min_duration_statement", "5s");
    let server = own_server(&options);
    let info = server.info();
    let postgres = Db::existing(info, "postgres");
    let folder = info.data_dir.parent().unwrap().join("space");
    std::fs::create_dir(&folder).unwrap();
    let owner = std::fs::metadata(&info.data_dir).unwrap();
    use std::os::unix::fs::MetadataExt;
    std::os::unix::fs::chown(&folder, Some(owner.uid()), Some(owner.gid())).unwrap();
    postgres.sql(&format!("CREATE TABLESPACE space LOCATION '{}'", folder.display()));
    let mut random = fastrand::Rng::with_seed(5);
    for i in 0..30 {
        let one_of = |random: &mut fastrand::Rng, all: &[&'static str]| all[random.usize(..all.len())];
        let attributes = [
            one_of(&mut random, &["LOGIN", ""]),
            one_of(&mut random, &["CREATEDB", ""]),
            one_of(&mut random, &["CREATEROLE", ""]),
            one_of(&mut random, &["REPLICATION", ""]),
            one_of(&mut random, &["BYPASSRLS", ""]),
            one_of(&mut random, &["NOINHERIT", "", ""]),
            one_of(&mut random, &["SUPERUSER", "", "", ""]),
            one_of(&mut random, &["CONNECTION LIMIT 7", "CONNECTION LIMIT 0", ""]),
            one_of(&mut random, &["VALID UNTIL '2030-05-06 07:08:09+02'", ""]),
            one_of(&mut random, &["PASSWORD 'secret'", "PASSWORD 'md50123456789abcdef0123456789abcdef'", ""]),
        ];
        let scram = random.bool();
        postgres.sql(&format!(
            "SET password_encryption = '{}'; CREATE ROLE \"Role {i}\" {}",
            if scram { "scram-sha-256" } else { "md5" },
            attributes.join(" ")
        ));
        if i > 0 {
            for _ in 0..random.usize(..3) {
                let (role, admin) = (random.usize(..i), if random.bool() { "WITH ADMIN OPTION" } else { "" });
                postgres.sql(&format!("GRANT \"Role {role}\" TO \"Role {i}\" {admin}"));
            }
        }
    }
    for statement in [
        "CREATE DATABASE oracle TABLESPACE space OWNER \"Role 3\"",
        "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0 IS_TEMPLATE true",
        "CREATE DATABASE closed ALLOW_CONNECTIONS false",
        "ALTER DATABASE latin SET statement_timeout = '10min'",
        "ALTER ROLE \"Role 1\" SET work_mem = '7MB'",
        "ALTER ROLE \"Role 2\" IN DATABASE latin SET search_path = 'a', 'b = c'",
    ] {
        postgres.sql(statement);
    }
    let db = Db::existing(info, "oracle");
    db.load_sample();
    db.sql("CREATE TABLE elsewhere (id int PRIMARY KEY, body text) TABLESPACE pg_default");
    db.sql("INSERT INTO elsewhere SELECT g, repeat(md5(g::text), g % 200) FROM generate_series(1, 3000) g");
    db.sql("SET work_mem = '64kB'; SELECT count(*) FROM (SELECT body FROM elsewhere ORDER BY body OFFSET 1) AS x");
    db.sql("UPDATE elsewhere SET body = 'x' WHERE id % 7 = 0");
    db.sql("UPDATE elsewhere SET id = -id WHERE id % 11 = 0");
    db.sql("DELETE FROM elsewhere WHERE id % 5 = 0");
    db.sql("ANALYZE elsewhere");
    let before = db.value("SELECT now()");
    db.sql("VACUUM crashes");
    // A session reports its counters when it ends.
    eventually("the counters have come", || {
        db.value("SELECT n_tup_del > 0 AND n_tup_upd > 600 AND last_analyze IS NOT NULL FROM pg_stat_user_tables WHERE relname = 'elsewhere'") == "t"
            && db.value("SELECT temp_bytes > 0 FROM pg_stat_database WHERE datname = 'oracle'") == "t"
            && db.value(&format!("SELECT bool_and(last_vacuum > '{before}') FROM pg_stat_user_tables WHERE relname ~ '^crashes_'")) == "t"
            && db.value("SELECT count(*) FROM pg_stat_activity WHERE datname = 'oracle' AND pid <> pg_backend_pid()") == "0"
    });
    // Up to 14 the counters are read from a file, which may be half a second old.
    std::thread::sleep(std::time::Duration::from_millis(600));
    compare(&db, bin.major, OF_A_SERVER);
}
on_every_server!(reports_of_a_server_say_what_its_views_say);
