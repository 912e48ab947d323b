//! Logs as servers write them: mostly statements with their durations, some connections, some errors with all their parts.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// One entry.
pub struct Entry {
    time: String,
    pid: u32,
    user: &'static str,
    database: &'static str,
    severity: &'static str,
    sqlstate: &'static str,
    message: String,
    detail: String,
    hint: &'static str,
    statement: String,
}

/// How an entry is written.
pub type Write1 = fn(&Entry, &mut dyn Write) -> std::io::Result<()>;

/// The formats: the file's ending, and how it is written.
pub const FORMATS: [(&str, Write1); 3] = [("log", stderr), ("csv", csvlog), ("json", jsonlog)];

/// Writes about so many bytes; always the same ones. Returns how many entries there are.
pub fn log(path: &Path, bytes: u64, write: Write1) -> u64 {
    let mut random = fastrand::Rng::with_seed(5);
    let mut out = BufWriter::new(File::create(path).unwrap());
    let mut text = Vec::new();
    let (mut millis, mut written, mut entries) = (0, 0, 0);
    while written < bytes {
        millis += random.u64(..3);
        text.clear();
        write(&entry(millis, &mut random), &mut text).unwrap();
        out.write_all(&text).unwrap();
        written += text.len() as u64;
        entries += 1;
    }
    out.flush().unwrap();
    entries
}

fn entry(millis: u64, random: &mut fastrand::Rng) -> Entry {
    let day = 24 + millis / 86_400_000;
    let seconds = millis / 1000 % 86_400;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    // A process has one user and one database.
    let pid = random.u32(1000..4000);
    let mut entry = Entry {
        time: format!("2026-11-{day} {hour:02}:{minute:02}:{second:02}.{:03} UTC", millis % 1000),
        pid,
        user: ["app", "web", "batch"][pid as usize % 3],
        database: ["shop", "crm"][pid as usize % 2],
        severity: "LOG",
        sqlstate: "00000",
        message: String::new(),
        detail: String::new(),
        hint: "",
        statement: String::new(),
    };
    let number = random.u32(..1_000_000);
    match random.u32(..100) {
        0..93 => {
            let (ms, us, shop) = (random.u32(..30), random.u32(..1000), random.u32(..1000));
            entry.message = format!(
                "duration: {ms}.{us:03} ms  statement: SELECT id, name, price FROM items WHERE id = {number} AND shop = {shop}"
            );
        }
        93..97 => {
            entry.message = format!(
                "connection authorized: user={} database={} application_name=psql",
                entry.user, entry.database
            );
        }
        97..99 => {
            entry.severity = "ERROR";
            entry.sqlstate = "23505";
            entry.message = "duplicate key value violates unique constraint \"items_pkey\"".to_owned();
            entry.detail = format!("Key (id)=({number}) already exists.");
            entry.statement = format!("INSERT INTO items (id, name) VALUES ({number}, $1)");
        }
        _ => {
            entry.severity = "ERROR";
            entry.sqlstate = "40P01";
            entry.message = "deadlock detected".to_owned();
            entry.detail = "Process 1 waits for ShareLock on transaction 2; blocked by process 3.\n\
                            Process 3 waits for ShareLock on transaction 4; blocked by process 1."
                .to_owned();
            entry.hint = "See server log for query details.";
            entry.statement = "UPDATE items\n   SET price = price + 1\n WHERE id = 4".to_owned();
        }
    }
    entry
}

fn stderr(entry: &Entry, out: &mut dyn Write) -> std::io::Result<()> {
    for (word, text) in [
        (entry.severity, entry.message.as_str()),
        ("DETAIL", &entry.detail),
        ("HINT", entry.hint),
        ("STATEMENT", &entry.statement),
    ] {
        if !text.is_empty() {
            let Entry { time, pid, user, database, .. } = entry;
            writeln!(out, "{time} [{pid}] {user}@{database} {word}:  {}", text.replace('\n', "\n\t"))?;
        }
    }
    Ok(())
}

fn csvlog(entry: &Entry, out: &mut dyn Write) -> std::io::Result<()> {
    let quoted = |text: &str| match text {
        "" => String::new(),
        text => format!("\"{}\"", text.replace('"', "\"\"")),
    };
    writeln!(
        out,
        "{time},\"{}\",\"{}\",{},\"127.0.0.1:40000\",65640a2d.1267,1,\"SELECT\",{} UTC,3/45,0,{},{},{},{},{},,,,{},,,\"psql\",\"client backend\",,0",
        entry.user,
        entry.database,
        entry.pid,
        &entry.time[..19],
        entry.severity,
        entry.sqlstate,
        quoted(&entry.message),
        quoted(&entry.detail),
        quoted(entry.hint),
        quoted(&entry.statement),
        time = entry.time,
    )
}

fn jsonlog(entry: &Entry, out: &mut dyn Write) -> std::io::Result<()> {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    write!(
        out,
        "{{\"timestamp\":\"{}\",\"user\":\"{}\",\"dbname\":\"{}\",\"pid\":{},\"remote_host\":\"127.0.0.1\",\"remote_port\":40000,\
         \"session_id\":\"65640a2d.1267\",\"line_num\":1,\"ps\":\"SELECT\",\"session_start\":\"{} UTC\",\"vxid\":\"3/45\",\
         \"txid\":0,\"error_severity\":\"{}\"",
        entry.time,
        entry.user,
        entry.database,
        entry.pid,
        &entry.time[..19],
        entry.severity
    )?;
    if entry.sqlstate != "00000" {
        write!(out, ",\"state_code\":\"{}\"", entry.sqlstate)?;
    }
    for (key, text) in [
        ("message", entry.message.as_str()),
        ("detail", &entry.detail),
        ("hint", entry.hint),
        ("statement", &entry.statement),
    ] {
        if !text.is_empty() {
            write!(out, ",\"{key}\":{}", quoted(text))?;
        }
    }
    writeln!(out, ",\"application_name\":\"psql\",\"backend_type\":\"client backend\",\"query_id\":0}}")
}
