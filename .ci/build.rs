//! Tells a release build which commit it is made of: `pgkit --version --verbose` shows it.

use std::path::Path;
use std::process::Command;

#[expect(clippy::disallowed_methods, reason = "Cargo tells a build script everything by its environment")]
fn main() {
    println!("cargo::rerun-if-changed=.ci/build.rs");
    // A debug build would be compiled anew after each commit.
    let commit = match std::env::var("PROFILE").as_deref() {
        Ok("release") => packaged().or_else(checked_out),
        _ => None,
    };
    println!("cargo::rustc-env=PGKIT_COMMIT={}", commit.as_deref().unwrap_or_default());
}

/// The commit that `cargo package` has written into a package.
fn packaged() -> Option<String> {
    let text = std::fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, after) = text.split_once("\"sha1\": \"")?;
    let (commit, _) = after.split_once('"')?;
    Some(commit.to_owned())
}

/// The commit of the repository whose top this folder is, and whether files differ from it.
fn checked_out() -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    for watched in [".git/HEAD", ".git/logs/HEAD"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    };
    let commit = git(&["rev-parse", "HEAD"])?;
    let differs = git(&["status", "--porcelain", "--untracked-files=no"])?;
    let mark = if differs.is_empty() { "" } else { ", with local changes" };
    Some(format!("{}{mark}", commit.trim()))
}
