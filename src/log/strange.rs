//! What a file that is not a PostgreSQL log seems to be, for the error message.

/// Returns a short description of it; `None` if there is nothing to tell by.
pub fn what(beginning: &[u8]) -> Option<&'static str> {
    const MAGIC: &[(&[u8], &str)] = &[
        (b"PK\x03\x04", "a zip archive: unpack it first"),
        (b"\xfd7zXZ\0", "packed with xz: unpack it with xzcat, and read it from a pipe (-)"),
        (b"BZh", "packed with bzip2: unpack it with bzcat, and read it from a pipe (-)"),
        (b"\x04\x22\x4d\x18", "packed with lz4: unpack it with lz4cat, and read it from a pipe (-)"),
        (b"7z\xbc\xaf", "a 7z archive: unpack it first"),
        (b"PGDMP", "a dump made by pg_dump"),
        (b"\x7fELF", "a program"),
        (b"%PDF", "a PDF document"),
        (b"LPKSHHRH", "a systemd journal: print it with journalctl --file, and read it from a pipe (-)"),
        (b"ElfFile\0", "a Windows event log"),
        (b"--\n-- PostgreSQL database dump", "a dump made by pg_dump"),
    ];
    if let Some((_, what)) = MAGIC.iter().find(|(magic, _)| beginning.starts_with(magic)) {
        return Some(what);
    }
    if beginning.get(257..262) == Some(b"ustar") {
        return Some("a tar archive: unpack it first");
    }
    let text = beginning.trim_ascii_start();
    let lower = text[..text.len().min(64)].to_ascii_lowercase();
    if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") {
        return Some("a web page");
    }
    if text.starts_with(b"<?xml") {
        return Some("XML");
    }
    let lines = || text.split(|b| *b == b'\n').filter(|line| !line.is_empty()).take(50);
    let has = |what: &[u8]| lines().any(|line| memchr::memmem::find(line, what).is_some());
    if has(b" LOG C-0x")
        || has(b" LOG S-0x")
        || has(b" LOG stats: ")
        || has(b" LOG kernel file descriptor limit")
    {
        return Some("a PgBouncer log");
    }
    if text.starts_with(b"{") || text.starts_with(b"[{") || text.starts_with(b"[\n") {
        return Some("JSON, but not in a known format of PostgreSQL logs");
    }
    let odd = text.iter().take(4096).filter(|b| **b < 9 || (**b > 13 && **b < 32 && **b != 27)).count();
    (odd > 64).then_some("binary data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_seems_to_be_is_named_and_a_log_is_nothing_else() {
        for (text, is) in [
            (&b"PK\x03\x04"[..], "zip"),
            (b"<!DOCTYPE HTML><html>", "web page"),
            (b"{\"a\":1}\n", "JSON"),
            (b"2026-11-24 06:24:50.123 UTC [1] LOG kernel file descriptor limit: 1024\n", "PgBouncer"),
            (&[1; 200], "binary data"),
        ] {
            assert!(what(text).is_some_and(|what| what.contains(is)), "{is}");
        }
        assert_eq!(what(b"2026-11-24 06:24:50.123 UTC [12] LOG:  x\n"), None);
        assert_eq!(what(b"hello\n"), None);
    }
}
