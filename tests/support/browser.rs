//! A real browser that opens the pages which pgkit writes.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{run, say, variable};

/// Returns the path of a Chromium browser; `None` if none is installed.
pub fn browser() -> Option<PathBuf> {
    let named = variable("PGKIT_TEST_BROWSER").map(PathBuf::from);
    let usual =
        ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].map(PathBuf::from);
    let found = named.into_iter().chain(usual).find(|path| path.exists());
    if found.is_none() {
        say(format_args!("no chromium: pages are not opened"));
    }
    found
}

/// Returns the DOM of a page as HTML, after the browser has run its scripts.
pub fn dom(browser: &Path, page: &Path) -> String {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(browser);
    command
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--virtual-time-budget=20000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()));
    let output = run(&mut command);
    assert!(output.stdout.contains("<html"), "{}", output.snapshot());
    output.stdout
}
