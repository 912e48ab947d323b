//! What the project depends on, as Cargo tells it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::support::{run, variable};

/// The licences that a dependency may have if it becomes part of a binary that is distributed under MIT's.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

#[derive(serde::Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(serde::Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    rust_version: Option<String>,
    source: Option<String>,
    dependencies: Vec<Dependency>,
}

#[derive(serde::Deserialize)]
struct Dependency {
    name: String,
}

fn packages() -> Vec<Package> {
    let cargo = variable("CARGO").unwrap_or_else(|| "cargo".to_owned());
    // Only what was fetched to build on this machine: packages for other systems may be missing.
    let compiler = run(Command::new("rustc").arg("-vV")).stdout;
    let host = compiler.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let mut command = Command::new(cargo);
    command.args(["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", host]);
    let output = run(command.current_dir(env!("CARGO_MANIFEST_DIR")));
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let metadata: Metadata = serde_json::from_str(&output.stdout).unwrap();
    metadata.packages
}

/// Whether an SPDX expression can be met with these licences alone. An expression too complicated for this is refused.
fn allows(expression: &str) -> bool {
    // "(MIT OR Apache-2.0) AND Unicode-3.0": every part that AND joins, in any of its alternatives.
    expression.split(" AND ").all(|part| {
        let part = part.trim_matches(|c| matches!(c, '(' | ')' | ' '));
        part.split(" OR ").flat_map(|one| one.split('/')).any(|one| LICENCES.contains(&one.trim()))
    })
}

#[test]
fn the_licence_of_every_dependency_goes_with_ours() {
    assert!(!allows("GPL-3.0-only") && !allows("(MIT OR ISC) AND GPL-2.0") && allows("GPL-2.0 OR MIT"));
    for package in packages() {
        let license = package.license.unwrap_or_default();
        assert!(allows(&license), "{} {}: {license:?}", package.name, package.version);
    }
}

#[test]
fn every_dependency_comes_from_the_registry_and_builds_with_the_oldest_rust_that_is_promised() {
    let numbers = |version: &str| -> Vec<u32> { version.split('.').map(|n| n.parse().unwrap()).collect() };
    let promised = numbers(env!("CARGO_PKG_RUST_VERSION"));
    for package in packages() {
        let what = format!("{} {}", package.name, package.version);
        // This package alone has no source.
        assert!(package.source.is_none_or(|source| source.starts_with("registry+")), "{what}");
        if let Some(needed) = package.rust_version {
            assert!(numbers(&needed)[..2] <= promised[..2], "{what} needs Rust {needed}");
        }
    }
}

#[test]
fn every_dependency_is_used() {
    let mut text = String::new();
    for folder in ["src", "tests", "benches"] {
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut text);
    }
    let us = packages().into_iter().find(|package| package.name == env!("CARGO_PKG_NAME")).unwrap();
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for dependency in us.dependencies {
        let path = format!("{}::", dependency.name.replace('-', "_"));
        uses.insert(dependency.name, text.matches(&path).count());
    }
    assert!(uses.len() > 30, "{uses:?}");
    assert!(uses.values().all(|count| *count > 0), "{uses:?}");
}

fn read(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}
