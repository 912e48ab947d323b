//! The user as which jobs' programs run, and the environment variables that they inherit from pgkit: only those
//! listed here or in the jobs file.

use std::collections::BTreeMap;

use nix::unistd::{Gid, Uid, User};
use serde::{Deserialize, Serialize};

use crate::connect::Environment;
use crate::error::{Error, Exit, Result};
use crate::secrets::PASSWORD;

/// A user of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub name: String,
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    home: String,
    shell: String,
}

impl Account {
    /// The user of this name, with its groups. Errors: there is no such user (65).
    pub fn named(name: &str) -> Result<Account> {
        let none = || {
            Error::data(format!("user = {name:?}: no such user on this machine"))
                .hint("list the users with getent passwd")
        };
        let user = User::from_name(name).ok().flatten().ok_or_else(none)?;
        let c_name = std::ffi::CString::new(name).map_err(|_| none())?;
        let groups = nix::unistd::getgrouplist(&c_name, user.gid)
            .map_err(|e| Error::io(format!("could not find the groups of user {name:?}"), &e.into()))?;
        Ok(Account {
            name: user.name,
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
            groups: groups.into_iter().map(Gid::as_raw).collect(),
            home: user.dir.to_string_lossy().into_owned(),
            shell: user.shell.to_string_lossy().into_owned(),
        })
    }

    /// User, group and supplementary groups, as the system calls take them.
    pub(crate) fn ids(&self) -> (Uid, Gid, Vec<Gid>) {
        (
            Uid::from_raw(self.uid),
            Gid::from_raw(self.gid),
            self.groups.iter().map(|gid| Gid::from_raw(*gid)).collect(),
        )
    }
}

/// The user as which the programs of a jobs file run; `None` is the user who runs pgkit.
///
/// Errors: pgkit runs as root and the file names no user (65), or pgkit does not run as root and the file names
/// another user (77).
pub fn whom(named: Option<&str>, has_programs: bool, env: &Environment) -> Result<Option<Account>> {
    match named {
        None if env.uid() == 0 && has_programs => {
            Err(Error::data("missing user in the jobs file: root needs it to run programs")
                .hint("add user = \"NAME\" at the top of the file, or user = \"root\" to run them as root"))
        }
        None => Ok(None),
        Some(name) if env.uid() == 0 => Account::named(name).map(Some),
        Some(name) if env.user() == Some(name) => Ok(None),
        Some(name) => Err(Error::new(
            Exit::Permission,
            format!("user = {name:?} in the jobs file: only root can run programs as another user"),
        )
        .hint(format!("run pgkit as {name}, or as root"))),
    }
}

/// The variables that every program inherits, in addition to `LC_*` and libpq's own except the password.
const INHERITED: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR"];

/// The environment of a program: the variables that all programs inherit, and those in `passed`, which the jobs file
/// names. With `user`, HOME and the like are that user's.
pub fn inherited(
    all: &BTreeMap<String, String>,
    passed: &[String],
    user: Option<&Account>,
) -> BTreeMap<String, String> {
    let is_inherited = |name: &str| {
        INHERITED.contains(&name)
            || name.starts_with("LC_")
            || (name != PASSWORD && crate::connect::is_variable(name))
            || passed.iter().any(|one| one == name)
    };
    let mut out: BTreeMap<String, String> =
        all.iter().filter(|(name, _)| is_inherited(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
    if let Some(user) = user {
        for (name, value) in
            [("HOME", &user.home), ("USER", &user.name), ("LOGNAME", &user.name), ("SHELL", &user.shell)]
        {
            out.insert(name.to_owned(), value.clone());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_gets_what_is_listed_and_nothing_else() {
        let all: BTreeMap<String, String> = [
            "PATH",
            "LC_ALL",
            "PGHOST",
            "PGPASSWORD",
            "PGPASSFILE",
            "PGKIT_JOBS",
            "AWS_SECRET_ACCESS_KEY",
            "LD_PRELOAD",
            "SSH_AUTH_SOCK",
            "BASH_ENV",
            "PGNONSENSE",
        ]
        .map(|name| (name.to_owned(), "x".to_owned()))
        .into();
        let names = |passed: &[&str]| {
            let passed: Vec<String> = passed.iter().map(|name| (*name).to_owned()).collect();
            inherited(&all, &passed, None).into_keys().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(&[]), "LC_ALL PATH PGHOST PGPASSFILE");
        assert_eq!(names(&["PGPASSWORD", "UNSET"]), "LC_ALL PATH PGHOST PGPASSFILE PGPASSWORD");
    }

    #[test]
    fn root_must_be_told_whom_programs_run_as() {
        let root = Environment::of::<&str, &str>([], None, Some("root"));
        assert_eq!(whom(None, true, &root).unwrap_err().exit, Exit::BadInput);
        assert_eq!(whom(None, false, &root).unwrap(), None);
        assert_eq!(whom(Some("root"), true, &root).unwrap().unwrap().ids().0, Uid::from_raw(0));
        assert_eq!(whom(Some("no such user"), true, &root).unwrap_err().exit, Exit::BadInput);
    }
}
