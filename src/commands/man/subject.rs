//! The subjects of the manual: the pages in `docs` that are for users.

/// A page of `docs`.
pub struct Subject {
    /// The name of its file, without `.md`.
    pub name: &'static str,
    /// Its text.
    pub markdown: &'static str,
}

macro_rules! subjects {
    ($($name:literal),* $(,)?) => {
        &[$(Subject { name: $name, markdown: include_str!(concat!("../../../docs/", $name, ".md")) }),*]
    };
}

/// All subjects, by name.
pub const SUBJECTS: &[Subject] = subjects![
    "bench",
    "completions",
    "doctor",
    "environment",
    "jobs",
    "locks",
    "log",
    "reports",
    "servers",
    "snapshots",
    "upgrade-check"
];

/// Returns the subject of this name.
pub fn find(name: &str) -> Option<&'static Subject> {
    SUBJECTS.iter().find(|subject| subject.name == name)
}
