//! What the process knows of its surroundings: read once, here, and an argument everywhere else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The environment variables, the home directory and the operating system's user.
#[derive(Clone, Default)]
pub struct Environment {
    vars: BTreeMap<String, String>,
    home: Option<PathBuf>,
    user: Option<String>,
    uid: u32,
}

/// Reads the process's environment. The only place that does.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn environment() -> Environment {
    let vars: BTreeMap<String, String> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect();
    let uid = nix::unistd::geteuid();
    let entry = nix::unistd::User::from_uid(uid).ok().flatten();
    // libpq: HOME first, the user database second.
    let home = match vars.get("HOME") {
        Some(home) if !home.is_empty() => Some(PathBuf::from(home)),
        _ => entry.as_ref().map(|user| user.dir.clone()),
    };
    Environment { vars, home, user: entry.map(|user| user.name), uid: uid.as_raw() }
}

impl Environment {
    /// An environment of these variables and nothing else.
    pub fn of<K: Into<String>, V: Into<String>>(
        vars: impl IntoIterator<Item = (K, V)>,
        home: Option<&Path>,
        user: Option<&str>,
    ) -> Environment {
        Environment {
            vars: vars.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            home: home.map(Path::to_path_buf),
            user: user.map(str::to_owned),
            uid: 0,
        }
    }

    /// A variable; one that is set and empty is `Some("")`.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str)
    }

    /// A variable that says something: unset and empty are the same here.
    pub fn nonempty(&self, name: &str) -> Option<&str> {
        self.var(name).filter(|value| !value.is_empty())
    }

    /// All variables, in order of their names.
    pub fn vars(&self) -> impl Iterator<Item = (&str, &str)> {
        self.vars.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The user's home directory: `HOME`, else what the user database says.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// The name of the user this process runs as.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The number of the user this process runs as.
    pub fn uid(&self) -> u32 {
        self.uid
    }
}

impl std::fmt::Debug for Environment {
    /// Names only: values may be passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("vars", &self.vars.keys())
            .field("home", &self.home)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
