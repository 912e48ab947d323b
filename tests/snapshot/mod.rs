//! Snapshots: every report comes back as the server gave it, and nothing is shown of a file that is not whole.

mod against;
mod files;
mod majors;
mod taking;
mod values;

use std::path::{Path, PathBuf};

use crate::support::*;

/// A server of its own, because a snapshot looks into every database of its server.
struct Place {
    db: Db,
    folder: tempfile::TempDir,
    _server: pgkit::sandbox::Server,
}

impl Place {
    fn new(bin: &Binaries) -> Place {
        let place = Place::empty(bin);
        place.db.load_sample();
        place
    }

    fn empty(bin: &Binaries) -> Place {
        let server = own_server(&options(bin).conf("autovacuum", "off"));
        let db = database(server.info(), "shop");
        Place { db, folder: tempfile::tempdir().unwrap(), _server: server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// pgkit in the folder of the snapshots, connected to the server.
    fn pgkit(&self, args: &[&str]) -> Output {
        run(pgkit(&self.db).current_dir(self.folder.path()).args(args))
    }

    /// Takes a snapshot, which must succeed.
    fn take(&self, name: &str, args: &[&str]) -> Output {
        let output = self.pgkit(&[&["snapshot", "-o", name], args].concat());
        assert_eq!(output.code, Some(0), "{}", output.snapshot());
        output
    }

    /// pgkit in that folder, connected to the server, with the reports that are in the folder.
    fn own(&self, args: &[&str]) -> Output {
        run(pgkit(&self.db)
            .current_dir(self.folder.path())
            .env("PGKIT_QUERIES", self.folder.path())
            .args(args))
    }

    /// The same without a server.
    fn own_offline(&self, args: &[&str]) -> Output {
        run(bare_pgkit().current_dir(self.folder.path()).env("PGKIT_QUERIES", self.folder.path()).args(args))
    }

    /// Writes a report into the folder: its header, in lines without the comment signs, and its statement.
    fn write_report(&self, name: &str, header: &str, sql: &str) {
        let header: String = header.lines().map(|line| format!("-- {line}\n")).collect();
        std::fs::write(self.path(name).with_extension("sql"), format!("-- Own.\n--\n{header}{sql}\n"))
            .unwrap();
    }

    /// A shell in that folder, connected to the server.
    fn shell(&self, script: &str) -> Output {
        let mut shell = std::process::Command::new("bash");
        shell.current_dir(self.folder.path()).env_clear().env("PATH", "/usr/bin:/bin").env("TZ", "UTC");
        shell.envs(self.db.info.env()).env("PGDATABASE", &self.db.name).env("HOME", "/nonexistent");
        run(shell.arg("-c").arg(script))
    }

    /// Checks that `run` refuses each of these command lines with this exit code and this text on stderr, and prints
    /// nothing on stdout.
    #[track_caller]
    fn refuses(cases: &[(&[&str], i32, &str)], run: impl Fn(&[&str]) -> Output) {
        for (args, code, word) in cases {
            let output = run(args);
            assert_eq!(
                (output.code, output.stdout.as_str()),
                (Some(*code), ""),
                "{args:?}: {}",
                output.snapshot()
            );
            assert!(output.stderr.contains(word), "{args:?}: {}", output.snapshot());
        }
    }

    /// pgkit in that folder, without a server.
    fn offline(&self, args: &[&str]) -> Output {
        run(bare_pgkit().current_dir(self.folder.path()).args(args))
    }
}

/// The text of a snapshot.
fn unpacked(path: &Path) -> String {
    use std::io::Read;
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// Writes such a text as a snapshot.
fn pack(text: &str, path: &Path) {
    use std::io::Write;
    let mut out =
        flate2::write::GzEncoder::new(std::fs::File::create(path).unwrap(), flate2::Compression::fast());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap();
}
