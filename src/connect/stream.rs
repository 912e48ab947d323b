//! The bytes between pgkit and the server, plain or encrypted, and what the server says before the first
//! query that tokio-postgres keeps to itself.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_openssl::SslStream;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// What the bytes travel over.
pub(super) enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<SslStream<TcpStream>>),
}

/// What the bytes travel over, and a way to take it back from tokio-postgres.
type Shared = Arc<Mutex<Option<Wire>>>;

/// A connection on its way to tokio-postgres.
pub struct Stream {
    wire: Shared,
    /// The hash of the server's certificate that SCRAM may be bound to.
    end_point: Option<Vec<u8>>,
    listener: Option<Listener>,
    /// Bytes that were read ahead, and which of them nobody has taken yet. tokio-postgres reads 8 kB at a time, as
    /// much as a server sends at once; a read that could have been longer saves the one that finds nothing.
    ahead: Box<[u8]>,
    waiting: Range<usize>,
}

/// How much is read at once.
const AHEAD: usize = 32 << 10;

impl Stream {
    pub(super) fn new(wire: Wire, end_point: Option<Vec<u8>>) -> Stream {
        let wire = Arc::new(Mutex::new(Some(wire)));
        Stream { wire, end_point, listener: None, ahead: vec![0; AHEAD].into_boxed_slice(), waiting: 0..0 }
    }

    /// Is it encrypted?
    pub(super) fn is_tls(&self) -> bool {
        matches!(*lock(&self.wire), Some(Wire::Tls(_)))
    }

    /// A way to take the connection back from whoever gets this stream.
    pub(super) fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.wire))
    }

    /// From now on notes what the server says, until it is ready for queries.
    pub(super) fn listen(&mut self) -> Arc<Mutex<Greeting>> {
        let greeting = Arc::new(Mutex::new(Greeting::default()));
        self.listener = Some(Listener { pending: Vec::new(), greeting: Arc::clone(&greeting) });
        greeting
    }
}

fn lock(wire: &Shared) -> MutexGuard<'_, Option<Wire>> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

fn duplex(wire: &mut Wire) -> Pin<&mut (dyn Duplex + Unpin)> {
    match wire {
        Wire::Tcp(stream) => Pin::new(stream),
        Wire::Unix(stream) => Pin::new(stream),
        Wire::Tls(stream) => Pin::new(&mut **stream),
    }
}

/// Takes a connection back from tokio-postgres.
pub struct Handle(Shared);

impl Handle {
    /// The connection, once. To tokio-postgres it has ended then, and what it still says nobody hears.
    pub fn take(&self) -> Option<Bare> {
        lock(&self.0).take().map(Bare)
    }
}

/// A connection that speaks to nobody but its owner.
pub struct Bare(Wire);

impl Bare {
    /// Reads what is there, or comes within this time, without going through the runtime: that would be measured too.
    /// `None` where nothing comes, or where it must be decrypted first.
    pub fn read_soon(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<Option<usize>> {
        let socket = match &self.0 {
            Wire::Tcp(stream) => stream.as_fd(),
            Wire::Unix(stream) => stream.as_fd(),
            Wire::Tls(_) => return Ok(None),
        };
        let timeout = PollTimeout::try_from(within).unwrap_or(PollTimeout::ZERO);
        match poll(&mut [PollFd::new(socket, PollFlags::POLLIN)], timeout) {
            Ok(0) | Err(Errno::EINTR) => return Ok(None),
            Ok(_) => {}
            Err(e) => return Err(e.into()),
        }
        match nix::unistd::read(socket, buffer) {
            Err(Errno::EAGAIN) => Ok(None),
            other => other.map(Some).map_err(io::Error::from),
        }
    }
}

impl AsyncRead for Bare {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        duplex(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Bare {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        duplex(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        duplex(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        duplex(&mut self.0).poll_shutdown(cx)
    }
}

trait Duplex: AsyncRead + AsyncWrite {}
impl<T: AsyncRead + AsyncWrite> Duplex for T {}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let this = &mut *self;
        if this.waiting.is_empty() {
            let mut ahead = ReadBuf::new(&mut this.ahead);
            // What was taken back has ended.
            let Some(wire) = &mut *lock(&this.wire) else { return Poll::Ready(Ok(())) };
            ready!(duplex(wire).poll_read(cx, &mut ahead))?;
            this.waiting = 0..ahead.filled().len();
        }
        let taken = this.waiting.len().min(buf.remaining());
        buf.put_slice(&this.ahead[this.waiting.start..this.waiting.start + taken]);
        this.waiting.start += taken;
        if let Some(listener) = &mut self.listener
            && listener.hear(&buf.filled()[before..])
        {
            self.listener = None;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *lock(&self.wire) {
            Some(wire) => duplex(wire).poll_write(cx, buf),
            None => Poll::Ready(Ok(buf.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *lock(&self.wire) {
            Some(wire) => duplex(wire).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *lock(&self.wire) {
            Some(wire) => duplex(wire).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        match &self.end_point {
            Some(hash) => ChannelBinding::tls_server_end_point(hash.clone()),
            None => ChannelBinding::none(),
        }
    }
}

/// Hands tokio-postgres a stream that is encrypted already: the handshake is ours, since what may follow
/// its failure depends on how it failed.
pub(super) struct Secured;

impl TlsConnect<Stream> for Secured {
    type Stream = Stream;
    type Error = Infallible;
    type Future = Ready<Result<Stream, Infallible>>;

    fn connect(self, stream: Stream) -> Self::Future {
        ready(Ok(stream))
    }
}

/// What the server said before it was ready.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Greeting {
    /// The last kind of authentication it asked for.
    pub(super) method: Option<i32>,
    /// It has let us in.
    pub(super) authenticated: bool,
    /// The backend, and the key a cancel request must show.
    pub(super) backend: Option<(i32, i32)>,
}

struct Listener {
    pending: Vec<u8>,
    greeting: Arc<Mutex<Greeting>>,
}

impl Listener {
    /// True when there is nothing more to learn.
    fn hear(&mut self, bytes: &[u8]) -> bool {
        self.pending.extend_from_slice(bytes);
        let mut greeting = self.greeting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = 0;
        let mut done = false;
        while let Some((kind, body, next)) = message(&self.pending, at) {
            match kind {
                b'R' => match int(body, 0) {
                    Some(0) => greeting.authenticated = true,
                    method => greeting.method = method,
                },
                b'K' => greeting.backend = int(body, 0).zip(int(body, 4)),
                b'Z' | b'E' => done = true,
                _ => {}
            }
            at = next;
        }
        self.pending.drain(..at);
        // Larger than any greeting: not a PostgreSQL server.
        done || self.pending.len() > 1 << 20
    }
}

/// The message at this place: its kind, its body, where the next one begins.
fn message(bytes: &[u8], at: usize) -> Option<(u8, &[u8], usize)> {
    let kind = *bytes.get(at)?;
    let length = usize::try_from(int(bytes, at + 1)?).ok().filter(|&length| length >= 4)?;
    let body = bytes.get(at + 5..at + 1 + length)?;
    Some((kind, body, at + 1 + length))
}

fn int(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_understood_in_pieces_of_any_size() {
        let mut bytes = b"R\0\0\0\x0c\0\0\0\x05saltR\0\0\0\x08\0\0\0\0".to_vec();
        bytes.extend(b"S\0\0\0\x09a\0bc\0K\0\0\0\x0c\0\0\x01\0\x7f\0\0\x01Z\0\0\0\x05I");
        for size in 1..bytes.len() {
            let greeting = Arc::new(Mutex::new(Greeting::default()));
            let mut listener = Listener { pending: Vec::new(), greeting: Arc::clone(&greeting) };
            let done: Vec<bool> = bytes.chunks(size).map(|piece| listener.hear(piece)).collect();
            assert!(done.ends_with(&[true]) && !done[..done.len() - 1].contains(&true));
            let greeting = *greeting.lock().unwrap();
            assert_eq!(greeting.method, Some(5));
            assert!(greeting.authenticated);
            assert_eq!(greeting.backend, Some((256, 0x7f00_0001)));
        }
    }
}
