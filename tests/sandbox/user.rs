//! A user of a sandbox as a process of its own: this test program, started again with one test.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use pgkit::sandbox::{self, Info};

use super::{Place, variable};

pub struct User {
    pub child: Child,
    pub info: Info,
    /// Kept open, so that it can print to its end.
    _stdout: BufReader<ChildStdout>,
}

/// Starts a process that gets itself a server and holds it until it is killed, or its standard input ends.
pub fn start(place: &Place, how: &str) -> User {
    begin(place, how).wait()
}

/// One that has just been started.
pub struct Begun(pub Child);

pub fn begin(place: &Place, how: &str) -> Begun {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sandbox::user::a_process_of_its_own", "--nocapture"])
        .env("SANDBOX_TEST_USES", how)
        .env("SANDBOX_TEST_TEMP", place.temp.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    Begun(child)
}

impl Begun {
    /// Waits until it has its server, which it prints as JSON.
    pub fn wait(mut self) -> User {
        let mut stdout = BufReader::new(self.0.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains('{') {
            line.clear();
            assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "it got no server");
        }
        let json = &line[line.find('{').unwrap()..];
        let info = serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}: {json}"));
        User { child: self.0, info, _stdout: stdout }
    }
}

impl User {
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Lets it end by itself.
    pub fn leave(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the others start; by itself it has nothing to do.
#[test]
fn a_process_of_its_own() {
    let Some(how) = variable("SANDBOX_TEST_USES") else { return };
    let mut options = crate::support::options(super::bin());
    options.temp = variable("SANDBOX_TEST_TEMP").unwrap().into();
    options.linger = std::time::Duration::from_millis(500);
    let print =
        |info: &Info| writeln!(std::io::stdout(), "{}", serde_json::to_string(info).unwrap()).unwrap();
    let until_told = || drop(std::io::stdin().read_line(&mut String::new()));
    match how.as_str() {
        "own" => {
            let server = sandbox::start_own(&options).unwrap();
            print(server.info());
            until_told();
        }
        "shared" => {
            let lease = sandbox::shared(&options).unwrap();
            print(lease.info());
            until_told();
        }
        "kept" => print(&sandbox::start(&options).unwrap().0),
        _ => panic!("{how}"),
    }
}
