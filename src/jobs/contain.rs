//! Contains the processes of programs, so that none of them outlives the guard that runs them.
//!
//! A process can ask the kernel for a signal when its parent dies, but the processes that it has started do not get
//! that signal. Programs therefore run in a PID namespace: when the first process of the namespace ends, the kernel kills
//! all others in it, and no process can leave it. Two forks of the guard, which execute no other program, are its frame:
//!
//! ```text
//! guard ─┬─ proxy ── init, the first process of the namespace ── orphans
//!        └─ program ── whatever it starts
//! ```
//!
//! The proxy and init ask the kernel to kill them when their parent dies. So when the guard ends, even by kill -9, the
//! whole tree ends, including processes that are stopped.
//!
//! It takes longer to create a namespace than to run a small program in it, so a guard keeps its namespace. Whatever a
//! program leaves behind is killed by init before the next one begins.
//!
//! A program also has a mount namespace of its own, in which /proc shows the PID namespace, where the kernel allows that.
//!
//! Only root can create a PID namespace; another user first needs a user namespace, in which it is the only user. Files of
//! all other users then seem to belong to nobody, and setuid programs such as sudo have no effect.
//!
//! A guard that could not leave these namespaces again does not enter them itself. This concerns ordinary users, and root in a
//! container with the PID namespace of its host. Then the guard forks a further process, which enters them and forks the
//! program. It passes every signal that it gets on to the program. When the program has ended, it ends with the same exit
//! code or by the same signal.

use serde::{Deserialize, Serialize};

use super::last_resort::LastResort;

/// Whether the processes of a program are contained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Contain {
    /// Where the kernel allows it.
    #[default]
    Auto,
    /// Always: where the kernel does not allow it, the program does not run.
    Strict,
    /// Never.
    None,
}

/// How the kernel lets this process contain a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// In a PID namespace.
    PidNamespace,
    /// In a PID namespace that belongs to a user namespace.
    UserNamespace,
}

impl Way {
    /// Returns what the program runs in.
    pub const fn name(self) -> &'static str {
        match self {
            Way::PidNamespace => "PID namespace",
            Way::UserNamespace => "user namespace",
        }
    }
}

/// Returns the warning for a place where programs cannot be contained, for this reason.
pub fn unsafe_here(why: &str) -> String {
    format!("programs that start others are not safe against kill -9 of pgkit here: {why}")
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub use elsewhere::Namespace;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use linux::Namespace;

/// Finds out whether programs can be contained here, whatever becomes of their guard.
///
/// Errors: they cannot; why.
pub fn probe() -> Result<(), String> {
    Namespace::new().map(Namespace::end)?;
    LastResort::new().missing().map_or(Ok(()), Err)
}

/// The same on a system without PID namespaces.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod elsewhere {
    use std::process::{Child, Command};

    use nix::unistd::{Gid, Pid, Uid};

    /// A namespace that cannot exist.
    #[derive(Debug)]
    pub enum Namespace {}

    impl Namespace {
        /// Fails.
        pub fn new() -> Result<Namespace, String> {
            Err("this system has no PID namespaces".to_owned())
        }
        /// See the other module.
        pub fn again(&self) -> std::io::Result<Namespace> {
            match *self {}
        }
        /// See the other module.
        pub fn is_gone(&self) -> bool {
            match *self {}
        }
        /// See the other module.
        pub fn spawn(
            &self,
            _: Command,
            _: Option<(Uid, Gid, Vec<Gid>)>,
        ) -> std::io::Result<tokio::process::Child> {
            match *self {}
        }
        /// See the other module.
        pub async fn clear(&self) -> std::io::Result<bool> {
            match *self {}
        }
        /// See the other module.
        pub fn kill(&self) {
            match *self {}
        }
        /// See the other module.
        pub fn end(self) {
            match self {}
        }
        /// See the other module.
        pub fn is_frame(&self, _: Pid, _: Pid, _: Pid) -> bool {
            match *self {}
        }
        /// See the other module.
        pub fn proxy(&self) -> Pid {
            match *self {}
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::cell::{Cell, RefCell};
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
    use std::os::unix::net::UnixStream;
    use std::process::{Command, Stdio};
    use std::sync::Arc;
    use std::time::Duration;

    use nix::errno::Errno;
    use nix::fcntl::{OFlag, open};
    use nix::mount::{MsFlags, mount};
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use nix::sched::{CloneFlags, setns, unshare};
    use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
    use nix::sys::socket::{Shutdown, shutdown};
    use nix::sys::stat::Mode;
    use nix::sys::wait::waitpid;
    use nix::unistd::{ForkResult, Gid, Pid, Uid, pipe2, read, setsid, write};

    use super::Way;
    use crate::connect::Spared;
    use crate::unsafe_spawn::{
        become_user, before_exec, close_all_but, die_with, end_like, exit_at_once, fork, reap, reap_unasked,
    };

    /// How long to wait for init to answer for the first time.
    const START: Duration = Duration::from_secs(5);

    /// A PID namespace in which one program after the other runs.
    #[derive(Debug)]
    pub struct Namespace {
        way: Way,
        proxy: Pid,
        /// Keeps the proxy, and so init, spared when processes are swept; `None` when the namespace is gone.
        spared: RefCell<Option<Spared>>,
        /// Over this, init is asked to kill what a program has left behind.
        init: tokio::net::UnixStream,
        /// Init has been asked, and has not answered yet.
        is_asked: Cell<bool>,
        /// The namespace.
        inside: Arc<OwnedFd>,
        /// The user namespace that it belongs to, if that is not this process's.
        user_namespace: Option<Arc<OwnedFd>>,
        /// The PID namespace of this process; `None` if it could not return to it.
        outside: Option<OwnedFd>,
    }

    impl Namespace {
        /// Creates a namespace in the first way that works here. This must be called on a runtime, from a thread that lives
        /// as long as this process.
        ///
        /// Errors: programs cannot be contained here; why.
        pub fn new() -> Result<Namespace, String> {
            let create = |way: Way| {
                Namespace::create(way).map_err(|e| {
                    let why = match e.raw_os_error() {
                        Some(number) => Errno::from_raw(number).desc().to_owned(),
                        None => e.to_string(),
                    };
                    format!("the kernel allows no {}: {why}", way.name())
                })
            };
            // A user namespace changes more for the program, so it comes second.
            create(Way::PidNamespace).or_else(|e: String| {
                // Root would be the only user in it, and could not run programs as another one.
                if Uid::effective().is_root() { Err(e) } else { create(Way::UserNamespace) }
            })
        }

        /// Creates another one in the same way.
        pub fn again(&self) -> std::io::Result<Namespace> {
            Namespace::create(self.way)
        }

        fn create(way: Way) -> std::io::Result<Namespace> {
            let guard = nix::unistd::getpid();
            let (mut init, channel) = UnixStream::pair()?;
            let (uid, gid) = (Uid::effective(), Gid::effective());
            // They are formatted now, because that allocates.
            let maps = [
                ("/proc/self/setgroups", "deny".to_owned()),
                ("/proc/self/uid_map", format!("{uid} {uid} 1")),
                ("/proc/self/gid_map", format!("{gid} {gid} 1")),
            ];
            // The program of this command is never executed.
            let mut command = Command::new("nothing");
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            before_exec(&mut command, move || {
                match way {
                    Way::PidNamespace => unshare(CloneFlags::CLONE_NEWPID)?,
                    Way::UserNamespace => {
                        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWPID)?;
                        for (file, text) in &maps {
                            let file = open(*file, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
                            write(&file, text.as_bytes())?;
                        }
                    }
                }
                // This comes after the new user namespace, which resets it.
                die_with(Signal::SIGKILL, guard)?;
                SigSet::all().thread_block()?;
                // Its other end is closed when the proxy dies.
                let (proxy_lives, lives) = pipe2(OFlag::O_CLOEXEC)?;
                if let ForkResult::Parent { child } = fork()? {
                    be_proxy(child, lives.as_fd());
                }
                nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
                drop(lives);
                // The parent is in another namespace, so getppid does not tell whether it is still there.
                if has_hung_up(proxy_lives.as_fd()) {
                    exit_at_once(1);
                }
                be_init(channel.as_fd());
            });
            // This returns when both processes have closed all other files.
            let mut child = command.spawn()?;
            drop(command);
            let proxy = Pid::from_raw(child.id().cast_signed());
            let mut finish = || {
                // Init answers, so it is there, and will die with the proxy.
                init.set_read_timeout(Some(START))?;
                init.write_all(&[0])?;
                init.read_exact(&mut [0])?;
                init.set_nonblocking(true)?;
                let namespace = |name: &str| {
                    File::open(format!("/proc/{proxy}/ns/{name}")).map(|file| Arc::new(file.into()))
                };
                let user_namespace = match way {
                    Way::PidNamespace => None,
                    Way::UserNamespace => Some(namespace("user")?),
                };
                Ok(Namespace {
                    way,
                    proxy,
                    spared: RefCell::new(Some(Spared::new(proxy))),
                    init: tokio::net::UnixStream::from_std(init.try_clone()?)?,
                    is_asked: Cell::new(false),
                    inside: namespace("pid_for_children")?,
                    user_namespace,
                    outside: match way {
                        Way::PidNamespace => way_back(),
                        Way::UserNamespace => None,
                    },
                })
            };
            let created = finish().and_then(|namespace| namespace.try_out().map(|()| namespace));
            if created.is_err() {
                let _ = child.kill();
                let _ = child.wait();
            }
            created
        }

        /// Has a program enter that ends at once.
        fn try_out(&self) -> std::io::Result<()> {
            let mut command = Command::new("nothing");
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            self.enter(&mut command, None);
            before_exec(&mut command, || exit_at_once(0));
            self.fork(|| command.spawn())?.wait().map(drop)
        }

        /// Returns whether it has come to its end, so that no program can run in it.
        pub fn is_gone(&self) -> bool {
            let is_gone = self.spared.borrow().is_none() || has_hung_up(self.init.as_fd());
            if is_gone {
                self.kill();
            }
            is_gone
        }

        /// Starts a program in it, in a session of its own, as this user and in these groups.
        pub fn spawn(
            &self,
            mut command: Command,
            user: Option<(Uid, Gid, Vec<Gid>)>,
        ) -> std::io::Result<tokio::process::Child> {
            self.enter(&mut command, user);
            let mut command = tokio::process::Command::from(command);
            self.fork(|| command.spawn())
        }

        /// Calls `spawn`, which forks this process. The new process is in the namespace, if it need not enter it by itself.
        fn fork<T>(&self, spawn: impl FnOnce() -> std::io::Result<T>) -> std::io::Result<T> {
            let Some(outside) = &self.outside else { return spawn() };
            // This concerns the children of this thread alone.
            setns(&self.inside, CloneFlags::CLONE_NEWPID)?;
            let spawned = spawn();
            setns(outside, CloneFlags::CLONE_NEWPID).inspect_err(|_| self.kill())?;
            spawned
        }

        /// Has the process that `command` starts do what is left to do in it, before it executes its program.
        fn enter(&self, command: &mut Command, user: Option<(Uid, Gid, Vec<Gid>)>) {
            let (inside, user_namespace) = (self.inside.clone(), self.user_namespace.clone());
            let is_in = self.outside.is_some();
            before_exec(command, move || {
                if let Some(user_namespace) = &user_namespace {
                    setns(user_namespace, CloneFlags::CLONE_NEWUSER)?;
                }
                if !is_in {
                    setns(&inside, CloneFlags::CLONE_NEWPID)?;
                    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
                    if let ForkResult::Parent { child } = fork()? {
                        pass_on(child);
                    }
                    before.thread_set_mask()?;
                }
                unshare(CloneFlags::CLONE_NEWNS)?;
                own_proc();
                if let Some((uid, gid, groups)) = &user {
                    become_user(*uid, *gid, groups)?;
                }
                setsid()?;
                Ok(())
            });
        }

        /// Has init kill all processes in the namespace, and waits until they have ended. Returns whether there were any. The
        /// future may be dropped before it completes, and the method called again.
        ///
        /// Errors: the namespace has come to its end, and so have the processes, or will.
        pub async fn clear(&self) -> std::io::Result<bool> {
            let cleared = self.ask_init().await;
            if cleared.is_err() {
                self.kill();
            }
            cleared
        }

        async fn ask_init(&self) -> std::io::Result<bool> {
            let would_block = |e: &std::io::Error| e.kind() == std::io::ErrorKind::WouldBlock;
            while !self.is_asked.get() {
                self.init.writable().await?;
                match self.init.try_write(&[0]) {
                    Err(e) if would_block(&e) => {}
                    written => self.is_asked.set(written? > 0),
                }
            }
            let mut answer = [0];
            loop {
                self.init.readable().await?;
                match self.init.try_read(&mut answer) {
                    Err(e) if would_block(&e) => {}
                    Ok(0) => return Err(std::io::ErrorKind::BrokenPipe.into()),
                    read => {
                        read?;
                        self.is_asked.set(false);
                        return Ok(answer != [0]);
                    }
                }
            }
        }

        /// Brings it to its end, and so all processes in it, without waiting for that.
        pub fn kill(&self) {
            // Once it is no longer spared, its pid may be reused.
            if let Some(spared) = self.spared.take() {
                let _ = kill(self.proxy, Signal::SIGKILL);
                drop(spared);
            }
        }

        /// Brings it to its end, which is waited for. No program may run in it.
        pub fn end(self) {
            let _ = shutdown(self.init.as_raw_fd(), Shutdown::Both);
            let _ = waitpid(self.proxy, None);
            self.spared.take();
        }

        /// Returns the pid of its proxy.
        pub fn proxy(&self) -> Pid {
            self.proxy
        }

        /// Returns whether a process is no part of the program, though a descendant of this process: the proxy, init, or
        /// the process that passes signals on to the program, which has the pid `first`.
        pub fn is_frame(&self, pid: Pid, parent: Pid, first: Pid) -> bool {
            pid == self.proxy || parent == self.proxy || (pid == first && self.outside.is_none())
        }
    }

    impl Drop for Namespace {
        fn drop(&mut self) {
            self.kill();
        }
    }

    /// Returns the PID namespace of this process, if this process could return to it from another one. It could not if the
    /// namespace belongs to another user namespace.
    fn way_back() -> Option<OwnedFd> {
        let outside: OwnedFd = File::open("/proc/self/ns/pid").ok()?.into();
        setns(&outside, CloneFlags::CLONE_NEWPID).is_ok().then_some(outside)
    }

    /// Gives a program a /proc that shows its own PID namespace. In the machine's /proc, a process that looks up its
    /// own pid, as ps does, would find another process or none. Only /proc is private: other mounts of the program are
    /// visible to all, as before. Where the kernel refuses this, as in many containers, the program sees the machine's
    /// /proc.
    fn own_proc() {
        let none: Option<&str> = None;
        // Making this mount private keeps the new /proc from appearing outside the namespace.
        if mount(none, "/proc", none, MsFlags::MS_PRIVATE, none).is_ok() {
            let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
            let _ = mount(Some("proc"), "/proc", Some("proc"), flags, none);
        }
    }

    /// Returns whether the other end of a pipe or a socket is closed.
    fn has_hung_up(file: BorrowedFd<'_>) -> bool {
        let mut polled = [PollFd::new(file, PollFlags::empty())];
        poll(&mut polled, PollTimeout::ZERO).is_ok_and(|n| n > 0)
    }

    /// Waits for the end of init, and ends too.
    fn be_proxy(init: Pid, lives: BorrowedFd<'_>) -> ! {
        let _ = nix::sys::prctl::set_name(c"pgkit-proxy");
        close_all_but(Some(lives.as_raw_fd()));
        while waitpid(init, None) == Err(Errno::EINTR) {}
        exit_at_once(0);
    }

    /// Kills all other processes in the namespace each time it is asked to, and answers when they have ended: whether there
    /// were any. Ends when the guard has closed the channel.
    fn be_init(channel: BorrowedFd<'_>) -> ! {
        let _ = nix::sys::prctl::set_name(c"pgkit-init");
        reap_unasked();
        close_all_but(Some(channel.as_raw_fd()));
        loop {
            match read(channel, &mut [0]) {
                Ok(1) => {}
                Err(Errno::EINTR) => continue,
                Ok(_) | Err(_) => exit_at_once(0),
            }
            let mut has_left = false;
            // This fails if there is no other process.
            while kill(Pid::from_raw(-1), Signal::SIGKILL).is_ok() {
                has_left = true;
                // All become children of init, except a program, which the guard has to reap.
                while waitpid(None, None) != Err(Errno::ECHILD) {}
                std::thread::sleep(Duration::from_millis(1));
            }
            let _ = write(channel, &[u8::from(has_left)]);
        }
    }

    /// Waits for the end of the program, and ends in the same way. Until then, passes all signals on to it.
    fn pass_on(program: Pid) -> ! {
        let _ = nix::sys::prctl::set_name(c"pgkit-signals");
        close_all_but(None);
        loop {
            match SigSet::all().wait() {
                Ok(Signal::SIGCHLD) => {
                    if let Some(status) = reap(program) {
                        end_like(status);
                    }
                }
                Ok(signal) => drop(kill(program, signal)),
                Err(_) => {}
            }
        }
    }
}
