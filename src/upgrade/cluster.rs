//! The two clusters: the properties that pg_upgrade compares, and the `initdb` line that makes the new cluster
//! match.

use std::path::Path;

use serde::Deserialize;

use super::finding::{Finding, Severity};
use crate::escape::shell_word;

/// The properties in a control file that two clusters must agree on, named as in `pg_control_init()`; `None` if a
/// version does not have one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Control {
    max_data_alignment: Option<i64>,
    database_block_size: Option<i64>,
    blocks_per_segment: Option<i64>,
    wal_block_size: Option<i64>,
    bytes_per_wal_segment: Option<i64>,
    max_identifier_length: Option<i64>,
    max_index_columns: Option<i64>,
    max_toast_chunk_size: Option<i64>,
    large_object_chunk_size: Option<i64>,
    data_page_checksum_version: Option<i64>,
}

/// The old cluster.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Old {
    /// The role that ran initdb.
    pub install_user: Option<String>,
    /// The role that is connected.
    pub current_user: String,
    /// Whether they are the same.
    pub is_install_user: Option<bool>,
    /// Whether the connected role is a superuser.
    pub is_superuser: Option<bool>,
    pub is_standby: bool,
    /// The encoding that initdb was given or chose; this and the following are those of template0.
    pub encoding: String,
    /// The locale provider: `c`, `i` or `b`.
    pub provider: String,
    /// LC_COLLATE.
    pub collate: String,
    /// LC_CTYPE.
    pub ctype: String,
    /// The locale of ICU or of the builtin provider.
    pub locale: Option<String>,
    icu_rules: Option<String>,
    /// The properties in its control file.
    pub control: Control,
}

impl Old {
    /// Returns whether it needs a server that was built with ICU.
    pub fn uses_icu(&self) -> bool {
        self.provider == "i"
    }
}

/// Parses what `pg_controldata` prints in English.
pub fn parse_control(text: &str) -> Control {
    let value = |name: &str| -> Option<i64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().parse().ok()
    };
    Control {
        max_data_alignment: value("Maximum data alignment"),
        database_block_size: value("Database block size"),
        blocks_per_segment: value("Blocks per segment of large relation"),
        wal_block_size: value("WAL block size"),
        bytes_per_wal_segment: value("Bytes per WAL segment"),
        max_identifier_length: value("Maximum length of identifiers"),
        max_index_columns: value("Maximum columns in an index"),
        max_toast_chunk_size: value("Maximum size of a TOAST chunk"),
        large_object_chunk_size: value("Size of a large-object chunk"),
        data_page_checksum_version: value("Data page checksum version"),
    }
}

/// Returns the cluster state that `pg_controldata` prints.
pub fn state(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("Database cluster state:")).map(str::trim)
}

/// Returns the differences between two clusters. `made` is the new cluster's folder. Without one, `new` is what any
/// cluster made with the new programs has, and what initdb decides is left out. From pg_upgrade's controldata.c
/// (check_control_data).
pub fn compare(old: &Control, new: &Control, made: Option<&Path>) -> Vec<Finding> {
    let mut found = Vec::new();
    let build = "use programs that were built with the same options";
    for (what, old, new) in [
        ("data alignment", old.max_data_alignment, new.max_data_alignment),
        ("block size", old.database_block_size, new.database_block_size),
        ("blocks per segment of a relation", old.blocks_per_segment, new.blocks_per_segment),
        ("WAL block size", old.wal_block_size, new.wal_block_size),
        ("length of identifiers", old.max_identifier_length, new.max_identifier_length),
        ("columns of an index", old.max_index_columns, new.max_index_columns),
        ("size of a TOAST chunk", old.max_toast_chunk_size, new.max_toast_chunk_size),
        ("size of a large object's chunk", old.large_object_chunk_size, new.large_object_chunk_size),
    ] {
        if let (Some(old), Some(new)) = (old, new)
            && old != new
        {
            let problem = format!("{what}: {new}, but the old cluster has {old}");
            found.push(
                Finding::new(Severity::Stops, "control", "new server", problem, build)
                    .because("files are taken over as they are"),
            );
        }
    }
    let Some(folder) = made else { return found };
    let folder_name = folder.display().to_string();
    let shown = shell_word(&folder_name);
    if let (Some(old), Some(new)) = (old.bytes_per_wal_segment, new.bytes_per_wal_segment)
        && old != new
    {
        let [old, new] = [old, new].map(|bytes| bytes / 1_048_576);
        let problem = format!("WAL segments of {new} MB, but the old cluster has {old} MB");
        let fix = format!("create it again with initdb --wal-segsize={old}");
        found.push(
            Finding::new(Severity::Stops, "control", "new cluster", problem, fix)
                .because("pg_upgrade stops if the control files differ in this"),
        );
    }
    let words = |on: bool| if on { "with data checksums" } else { "without data checksums" };
    if let (Some(old), Some(new)) = (old.data_page_checksum_version, new.data_page_checksum_version)
        && old != new
    {
        let problem = format!("was created {}, but the old one {}", words(new > 0), words(old > 0));
        let fix = format!("pg_checksums {} -D {shown}", if old > 0 { "--enable" } else { "--disable" });
        found.push(
            Finding::new(Severity::Stops, "checksums", "new cluster", problem, fix)
                .because("pages are taken over as they are; since 18, initdb turns checksums on by default"),
        );
    }
    found
}

/// Returns whether two locale names mean the same. `en_US.utf8` is `en_US.UTF-8`.
pub fn same_locale(a: &str, b: &str) -> bool {
    let plain = |name: &str| name.to_lowercase().replace('-', "");
    plain(a) == plain(b)
}

/// Returns the command line that makes a new cluster that pg_upgrade accepts: with the old one's user, encoding,
/// locale, WAL segment size and checksums.
pub fn initdb_line(old: &Old, to: u32, bin_dir: Option<&Path>, data_dir: Option<&Path>) -> String {
    let program = bin_dir.map_or_else(|| "initdb".to_owned(), |dir| dir.join("initdb").display().to_string());
    let folder = data_dir.map_or_else(|| "NEW_DATA_DIR".to_owned(), |dir| dir.display().to_string());
    let mut words = vec![program, "-D".to_owned(), folder];
    if let Some(user) = &old.install_user {
        words.extend(["-U".to_owned(), user.clone()]);
    }
    words.push(format!("--encoding={}", old.encoding));
    match (old.provider.as_str(), &old.locale) {
        ("i", Some(locale)) => {
            words.extend(["--locale-provider=icu".to_owned(), format!("--icu-locale={locale}")]);
            words.extend(old.icu_rules.as_ref().map(|rules| format!("--icu-rules={rules}")));
        }
        ("b", Some(locale)) => {
            words.extend(["--locale-provider=builtin".to_owned(), format!("--builtin-locale={locale}")]);
        }
        _ if to >= 15 => words.push("--locale-provider=libc".to_owned()),
        _ => {}
    }
    words.push(format!("--lc-collate={}", old.collate));
    words.push(format!("--lc-ctype={}", old.ctype));
    if let Some(bytes) = old.control.bytes_per_wal_segment {
        words.push(format!("--wal-segsize={}", bytes / 1_048_576));
    }
    match old.control.data_page_checksum_version {
        Some(version) if version > 0 => words.push("--data-checksums".to_owned()),
        Some(_) if to >= 18 => words.push("--no-data-checksums".to_owned()),
        _ => {}
    }
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "pg_control version number:            1800\n\
        Database cluster state:               shut down\n\
        Maximum data alignment:               8\n\
        Database block size:                  8192\n\
        Blocks per segment of large relation: 131072\n\
        WAL block size:                       8192\n\
        Bytes per WAL segment:                16777216\n\
        Maximum length of identifiers:        64\n\
        Maximum columns in an index:          32\n\
        Maximum size of a TOAST chunk:        1996\n\
        Size of a large-object chunk:         2048\n\
        Data page checksum version:           1\n";

    fn old() -> Old {
        Old {
            install_user: Some("it's me".into()),
            current_user: "x".into(),
            is_install_user: Some(false),
            is_superuser: Some(true),
            is_standby: false,
            encoding: "UTF8".into(),
            provider: "c".into(),
            collate: "C.UTF-8".into(),
            ctype: "de_DE.UTF-8".into(),
            locale: None,
            icu_rules: None,
            control: Control {
                data_page_checksum_version: Some(0),
                bytes_per_wal_segment: Some(67_108_864),
                ..parse_control(SAID)
            },
        }
    }

    #[test]
    fn two_clusters_that_agree_have_nothing_to_mend() {
        let control = parse_control(SAID);
        assert_eq!(control.database_block_size, Some(8192));
        assert_eq!(compare(&control, &control, Some(Path::new("/new"))), []);
        assert_eq!(state(SAID), Some("shut down"));
    }

    #[test]
    fn what_differs_stops_and_says_what_to_do() {
        let new = Control { database_block_size: Some(16384), ..parse_control(SAID) };
        let found = compare(&old().control, &new, Some(Path::new("/new dir")));
        let fixes: Vec<&str> = found.iter().map(|finding| finding.fix.as_str()).collect();
        assert_eq!(
            fixes,
            [
                "use programs that were built with the same options",
                "create it again with initdb --wal-segsize=64",
                "pg_checksums --disable -D '/new dir'"
            ]
        );
        assert!(found.iter().all(|finding| finding.severity == Severity::Stops));
        // Without a cluster there is nothing that initdb has decided.
        assert_eq!(compare(&old().control, &new, None).len(), 1);
    }

    #[test]
    fn a_locale_is_one_however_its_encoding_is_written() {
        assert!(same_locale("en_US.utf8", "en_US.UTF-8") && same_locale("C", "C"));
        assert!(!same_locale("en_US.utf8", "de_DE.utf8") && !same_locale("C", "C.UTF-8"));
    }

    #[test]
    fn the_initdb_line_says_what_the_old_cluster_is() {
        assert_eq!(
            initdb_line(&old(), 18, Some(Path::new("/usr/18/bin")), None),
            "/usr/18/bin/initdb -D NEW_DATA_DIR -U 'it'\\''s me' --encoding=UTF8 --locale-provider=libc \
             --lc-collate=C.UTF-8 --lc-ctype=de_DE.UTF-8 --wal-segsize=64 --no-data-checksums"
        );
        let icu = Old { provider: "i".into(), locale: Some("de".into()), ..old() };
        let line = initdb_line(&icu, 17, None, Some(Path::new("/new")));
        assert!(line.contains("--locale-provider=icu --icu-locale=de "), "{line}");
        assert!(!line.contains("checksums") && line.starts_with("initdb -D /new "), "{line}");
        assert!(!initdb_line(&old(), 14, None, None).contains("provider"));
    }
}
