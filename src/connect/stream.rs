//! The bytes between pgkit and the server, plain or encrypted.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
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

use super::frames::Frames;

/// What the bytes travel over.
pub(super) enum Wire {
    Plain(Socket),
    Tls(Box<SslStream<Socket>>),
}

/// A connected socket.
pub(super) enum Socket {
    Tcp(TcpStream),
    /// Of a server on this machine, or of ssh.
    Unix(UnixStream),
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Tcp(stream) => stream.as_fd(),
            Socket::Unix(stream) => stream.as_fd(),
        }
    }
}

impl Socket {
    fn duplex(&mut self) -> Pin<&mut (dyn Duplex + Unpin)> {
        match self {
            Socket::Tcp(stream) => Pin::new(stream),
            Socket::Unix(stream) => Pin::new(stream),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.duplex().poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.duplex().poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.duplex().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.duplex().poll_shutdown(cx)
    }
}

/// What the bytes travel over, and a way to take it back from tokio-postgres.
type Shared = Arc<Mutex<Option<Wire>>>;

/// A connection on its way to tokio-postgres.
pub struct Stream {
    wire: Shared,
    /// The hash of the server's certificate that SCRAM may be bound to.
    end_point: Option<Vec<u8>>,
    /// The check of what the server sends.
    frames: Option<Arc<Mutex<Frames>>>,
    /// Bytes that were read ahead, and the range of them that has not been consumed yet. tokio-postgres reads 8 kB
    /// at a time, as much as a server sends at once; a read that could have been longer saves the one that finds
    /// nothing.
    ahead: Box<[u8]>,
    waiting: Range<usize>,
}

/// How much is read at once.
const AHEAD: usize = 32 << 10;

impl Stream {
    pub(super) fn new(wire: Wire, end_point: Option<Vec<u8>>) -> Stream {
        let wire = Arc::new(Mutex::new(Some(wire)));
        Stream { wire, end_point, frames: None, ahead: vec![0; AHEAD].into_boxed_slice(), waiting: 0..0 }
    }

    /// Is it encrypted?
    pub(super) fn is_tls(&self) -> bool {
        matches!(*lock(&self.wire), Some(Wire::Tls(_)))
    }

    /// Returns a handle with which the connection can be taken back from the owner of this stream.
    pub(super) fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.wire))
    }

    /// Has all that is read later pass this check first.
    pub(super) fn watch(&mut self, frames: Frames) -> Arc<Mutex<Frames>> {
        let frames = Arc::new(Mutex::new(frames));
        self.frames = Some(Arc::clone(&frames));
        frames
    }
}

fn lock(wire: &Shared) -> MutexGuard<'_, Option<Wire>> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

fn duplex(wire: &mut Wire) -> Pin<&mut (dyn Duplex + Unpin)> {
    match wire {
        Wire::Plain(socket) => Pin::new(socket),
        Wire::Tls(stream) => Pin::new(&mut **stream),
    }
}

/// Takes a connection back from tokio-postgres.
pub struct Handle(Shared);

impl Handle {
    /// Takes the connection, which works only once. To tokio-postgres the connection has then ended, and what it
    /// still sends is discarded.
    pub fn take(&self) -> Option<Bare> {
        lock(&self.0).take().map(Bare)
    }
}

/// A connection that only its owner uses.
pub struct Bare(Wire);

impl Bare {
    /// Reads what is there, or comes within this time, without going through the runtime: that would be measured too.
    /// `None` where nothing comes, or where it must be decrypted first.
    pub fn read_soon(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<Option<usize>> {
        let socket = match &self.0 {
            Wire::Plain(socket) => socket.as_fd(),
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
        let this = &mut *self;
        if this.waiting.is_empty() {
            let mut ahead = ReadBuf::new(&mut this.ahead);
            // What was taken back has ended.
            let Some(wire) = &mut *lock(&this.wire) else { return Poll::Ready(Ok(())) };
            ready!(duplex(wire).poll_read(cx, &mut ahead))?;
            this.waiting = 0..ahead.filled().len();
        }
        let taken = this.waiting.len().min(buf.remaining());
        let coming = &this.ahead[this.waiting.start..this.waiting.start + taken];
        if let Some(frames) = &this.frames {
            frames.lock().unwrap_or_else(PoisonError::into_inner).pass(coming)?;
        }
        buf.put_slice(coming);
        this.waiting.start += taken;
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
