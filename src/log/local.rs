//! What the server's own machine knows about its log, if pgkit runs there: the file that its standard error goes
//! to.

use std::path::{Path, PathBuf};

/// Where a process's standard error goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stderr {
    File(PathBuf),
    /// To a pipe, a terminal, a socket or nowhere, in the kernel's words (`pipe:[123]`).
    Elsewhere(String),
    /// Unknown: the kernel tells it only to the same user or to root.
    Hidden,
}

/// The server's main process on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postmaster {
    pub pid: u32,
    /// Where its standard error goes.
    pub stderr: Stderr,
    /// Its working directory, which is its data folder.
    pub data_directory: Option<PathBuf>,
    /// The systemd unit it runs in.
    pub unit: Option<String>,
}

/// Returns the main process of the server that this backend belongs to, if it runs on this machine and is visible
/// to us.
///
/// The pid alone proves nothing: the backend may be on another machine or in another container. So the process with
/// this pid must be a backend whose title names this role and this database.
pub fn postmaster(backend_pid: i32, role: &str, database: &str) -> Option<Postmaster> {
    let proc = Path::new("/proc");
    let backend = proc.join(backend_pid.to_string());
    let title = String::from_utf8_lossy(&std::fs::read(backend.join("cmdline")).ok()?).into_owned();
    if !is_backend(&title, role, database) {
        return None;
    }
    let status = std::fs::read_to_string(backend.join("status")).ok()?;
    let pid: u32 = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()?;
    let home = proc.join(pid.to_string());
    let stderr = match std::fs::read_link(home.join("fd/2")) {
        Ok(target)
            if target.is_absolute()
                && target != Path::new("/dev/null")
                && !target.starts_with("/dev/pts") =>
        {
            Stderr::File(target)
        }
        Ok(target) => Stderr::Elsewhere(target.display().to_string()),
        Err(_) => Stderr::Hidden,
    };
    let unit = std::fs::read_to_string(home.join("cgroup")).ok().and_then(|text| unit_of(&text));
    Some(Postmaster { pid, stderr, data_directory: std::fs::read_link(home.join("cwd")).ok(), unit })
}

/// Returns whether this is the title of a backend of this role in this database (`postgres: [cluster: ]role
/// database host …`).
fn is_backend(title: &str, role: &str, database: &str) -> bool {
    title.strip_prefix("postgres: ").is_some_and(|rest| {
        let meant = format!("{role} {database} ");
        rest.starts_with(&meant) || rest.split_once(": ").is_some_and(|(_, rest)| rest.starts_with(&meant))
    })
}

/// Returns the service in a process's cgroups.
fn unit_of(cgroup: &str) -> Option<String> {
    let unit =
        cgroup.lines().filter_map(|line| line.rsplit('/').find(|part| part.ends_with(".service"))).next()?;
    // A login session's own service is not the server's.
    (!unit.starts_with("user@")).then(|| unit.trim_end_matches(".service").to_owned())
}

/// Returns the log of a cluster that was made with Debian's tools: they redirect it to a file named after the
/// folder of the configuration.
pub fn debian_log(config_file: &str) -> Option<PathBuf> {
    let rest = config_file.strip_prefix("/etc/postgresql/")?.strip_suffix("/postgresql.conf")?;
    let (version, cluster) = rest.split_once('/')?;
    let file = PathBuf::from(format!("/var/log/postgresql/postgresql-{version}-{cluster}.log"));
    file.is_file().then_some(file)
}

/// Returns how many bytes are free for users other than root, in the file system of this file or folder.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let stat = nix::sys::statvfs::statvfs(path).ok()?;
    // The kernels count in types of different widths.
    u64::try_from(u128::from(stat.blocks_available()) * u128::from(stat.fragment_size())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_backend_of_this_session_counts() {
        assert!(is_backend("postgres: app shop 127.0.0.1(40000) idle", "app", "shop"));
        assert!(is_backend("postgres: 15/main: app shop [local] SELECT", "app", "shop"));
        assert!(!is_backend("postgres: app other [local] idle", "app", "shop"));
        assert!(!is_backend("postgres: checkpointer ", "app", "shop"));
        assert!(!is_backend("vim postgres: app shop ", "app", "shop"));
        assert!(postmaster(1, "app", "shop").is_none());
    }

    #[test]
    fn the_unit_is_the_servers_own() {
        let v2 = "0::/system.slice/system-postgresql.slice/postgresql@15-main.service\n";
        assert_eq!(unit_of(v2).as_deref(), Some("postgresql@15-main"));
        assert_eq!(unit_of("0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope\n"), None);
        assert_eq!(unit_of("0::/\n"), None);
        assert_eq!(debian_log("/etc/postgresql.conf"), None);
    }
}
