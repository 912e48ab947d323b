//! A PgBouncer before a server.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User};

use super::{Db, eventually, temp, variable};

/// The program, or `None` where there is none and nobody insists on it.
pub fn program() -> Option<PathBuf> {
    if let Some(named) = variable("PGKIT_TEST_PGBOUNCER") {
        let path = PathBuf::from(named);
        assert!(path.is_file(), "PGKIT_TEST_PGBOUNCER: there is no {}", path.display());
        return Some(path);
    }
    let usual = PathBuf::from("/usr/sbin/pgbouncer");
    if usual.is_file() {
        return Some(usual);
    }
    super::say(format_args!("not run: no pgbouncer (apt install pgbouncer)"));
    None
}

/// A pooler before a server; it ends when dropped.
pub struct Pooler {
    child: Child,
    /// Leads through the pooler.
    pub db: Db,
    _folder: tempfile::TempDir,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

impl Pooler {
    /// Starts a pooler that keeps one session with the server behind it, in this pool mode. It lets everybody in, as
    /// administrators of its console too.
    pub fn start(program: &PathBuf, behind: &Db, mode: &str) -> Pooler {
        Pooler::with_authentication(program, behind, mode, "any")
    }

    /// Starts one with this `auth_type`. It knows the user of the server, who is an administrator, and `stranger`.
    pub fn with_authentication(program: &PathBuf, behind: &Db, mode: &str, auth_type: &str) -> Pooler {
        Pooler::of_databases(program, behind, mode, auth_type, &format!("{0} = dbname={0}", behind.name))
    }

    /// Starts one for all databases of the server.
    pub fn for_all(program: &PathBuf, behind: &Db) -> Pooler {
        Pooler::of_databases(program, behind, "session", "any", "* =")
    }

    fn of_databases(program: &PathBuf, behind: &Db, mode: &str, auth_type: &str, databases: &str) -> Pooler {
        let folder = tempfile::Builder::new().prefix("pool").tempdir_in(temp()).unwrap();
        let path = folder.path();
        let conf = format!(
            "[databases]\n{databases} host={sockets} port={port} user={user}\n\
             [pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {path}\nunix_socket_mode = 0777\n\
             auth_type = {auth_type}\nauth_file = {path}/users\nadmin_users = {user}\npool_mode = {mode}\ndefault_pool_size = 1\nserver_reset_query =\n\
             server_check_delay = 0\nlogfile = {path}/log\n",
            sockets = behind.info.socket_dir.display(),
            port = behind.info.port,
            user = behind.info.user,
            path = path.display(),
        );
        let ini = path.join("pgbouncer.ini");
        std::fs::write(&ini, conf).unwrap();
        std::fs::write(path.join("users"), format!("\"{}\" \"\"\n\"stranger\" \"\"\n", behind.info.user))
            .unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new(program);
        // Where it is, nobody takes it for a stranger of that user's.
        command.arg("-q").arg(&ini).current_dir(&behind.info.socket_dir).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        if nix::unistd::geteuid().is_root() {
            let user = User::from_name(&behind.info.os_user).unwrap().unwrap();
            chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
            chown(&ini, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
            command.gid(user.gid.as_raw()).uid(user.uid.as_raw());
        }
        let child = command.spawn().unwrap();
        let mut info = behind.info.clone();
        info.socket_dir = path.to_owned();
        info.port = 6432;
        let db = Db { info, name: behind.name.clone() };
        eventually("the pooler listens", || path.join(".s.PGSQL.6432").exists());
        Pooler { child, db: Db::existing(&db.info, &db.name), _folder: folder }
    }
}
