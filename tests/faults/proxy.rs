//! A network between pgkit and its server that can be cut.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::Db;

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Everything passes.
    Open = 0,
    /// Nothing passes, and nobody is told.
    Cut = 1,
    /// What the client sends arrives, and no answer does.
    Deaf = 2,
}

/// The network.
pub struct Proxy {
    port: u16,
    way: Arc<AtomicU8>,
    /// What the network does once a client has sent this.
    at: Arc<Mutex<Option<(String, Way)>>>,
    all: Arc<Mutex<Vec<(TcpStream, UnixStream)>>>,
}

impl Proxy {
    /// Before this database's server.
    pub fn new(db: &Db) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let socket: PathBuf = db.info.socket_dir.join(format!(".s.PGSQL.{}", db.info.port));
        let way = Arc::new(AtomicU8::new(0));
        let all = Arc::new(Mutex::new(Vec::new()));
        let at: Arc<Mutex<Option<(String, Way)>>> = Arc::default();
        let proxy = Proxy { port, way: way.clone(), at: at.clone(), all: all.clone() };
        // The threads end with the test's process.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that is away is no host that answers.
                let Ok(server) = UnixStream::connect(&socket) else { continue };
                let pause = Some(Duration::from_millis(20));
                client.set_read_timeout(pause).unwrap();
                client.set_nodelay(true).unwrap();
                server.set_read_timeout(pause).unwrap();
                all.lock().unwrap().push((client.try_clone().unwrap(), server.try_clone().unwrap()));
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (passes, at, turns) = (way.clone(), at.clone(), way.clone());
                let seen = move |bytes: &[u8]| {
                    let is_there = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
                    // It has not been passed on yet, so no answer can be on its way.
                    if let Some((_, way)) = at.lock().unwrap().take_if(|(text, _)| is_there(text)) {
                        turns.store(way as u8, Ordering::SeqCst);
                    }
                };
                std::thread::spawn(move || {
                    pass(from, to, || passes.load(Ordering::SeqCst) != Way::Cut as u8, seen);
                });
                let passes = way.clone();
                std::thread::spawn(move || {
                    pass(server, client, || passes.load(Ordering::SeqCst) == Way::Open as u8, |_| {});
                });
            }
        });
        proxy
    }

    /// From now on it does this.
    pub fn set(&self, way: Way) {
        self.way.store(way as u8, Ordering::SeqCst);
    }

    /// It does this as soon as a client binds pgkit's statement of this name.
    pub fn set_at(&self, name: &str, way: Way) {
        // In a Bind message the portal's name, which is empty, and that of the statement end with a NUL each.
        *self.at.lock().unwrap() = Some((format!("\0pgkit_{name}\0"), way));
    }

    /// What the network does now.
    pub fn is(&self, way: Way) -> bool {
        self.way.load(Ordering::SeqCst) == way as u8
    }

    /// The clients of all connections that there are see their end; the server does not.
    pub fn half_close(&self) {
        for (client, _) in self.all.lock().unwrap().iter() {
            let _ = client.shutdown(Shutdown::Write);
        }
    }

    /// Leads a command through it.
    pub fn lead(&self, command: &mut Command) {
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.port.to_string());
    }
}

/// A socket whose reading may be given up.
trait Socket: Read + Write {
    fn end(&self);
}

impl Socket for TcpStream {
    fn end(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Socket for UnixStream {
    fn end(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

fn pass(mut from: impl Socket, mut to: impl Socket, passes: impl Fn() -> bool, seen: impl Fn(&[u8])) {
    let mut buffer = [0; 1 << 16];
    loop {
        if !passes() {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        }
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                seen(&buffer[..n]);
                // What was on its way when the network was cut does not arrive.
                while !passes() {
                    std::thread::sleep(Duration::from_millis(5));
                }
                if to.write_all(&buffer[..n]).is_err() {
                    break;
                }
            }
            Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    from.end();
    to.end();
}
