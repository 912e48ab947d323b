//! Files that are compressed (gzip, Zstandard) or in UTF-16, and pipes: whatever can be read only once, from its
//! beginning.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// How many bytes of a stream are read at once.
const PIECE: usize = 64 << 10;
/// How many bytes identify the kind of compression.
const MAGIC: usize = 4;
/// The largest Zstandard window in bytes that is accepted, since it is kept in memory: Zstandard's own default
/// limit.
const WINDOW: u64 = 128 << 20;

/// The bytes to read.
pub(super) enum Bytes {
    /// A file that is read as it is.
    Plain(File),
    /// A source that cannot seek.
    Stream(Stream),
}

/// A source that can be read only once.
pub(super) struct Stream {
    bytes: Box<dyn Read + Send>,
    /// The bytes that were read before they were asked for.
    ahead: Vec<u8>,
}

impl Stream {
    /// Returns the beginning, without consuming it.
    pub(super) fn look(&mut self, bytes: usize) -> io::Result<Vec<u8>> {
        // A pipe may not give more for a while, so one block has to suffice, besides the few bytes that identified
        // the compression.
        while self.ahead.len() <= MAGIC {
            let before = self.ahead.len();
            self.ahead.resize(before + PIECE.min(bytes), 0);
            let read = retried(&mut self.bytes, &mut self.ahead[before..])?;
            self.ahead.truncate(before + read);
            if read == 0 {
                break;
            }
        }
        Ok(self.ahead.clone())
    }

    /// Returns whatever there is, instead of waiting until the buffer is full.
    pub(super) fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        std::mem::swap(buffer, &mut self.ahead);
        self.ahead.clear();
        if buffer.is_empty() {
            buffer.resize(PIECE, 0);
            let read = retried(&mut self.bytes, buffer)?;
            buffer.truncate(read);
        }
        Ok(buffer.len())
    }
}

fn retried(from: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(buffer) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Examines the beginning of a file, and unpacks it. `once`: it is standard input.
pub(super) fn unpack(mut file: File, once: bool) -> io::Result<Bytes> {
    let regular = !once && file.metadata()?.is_file();
    let mut magic = [0; MAGIC];
    let mut len = 0;
    // A pipe may deliver single bytes.
    while len < magic.len() {
        match retried(&mut file, &mut magic[len..])? {
            0 => break,
            read => len += read,
        }
    }
    let magic = &magic[..len];
    let is_packed =
        magic.starts_with(&[0x1f, 0x8b]) || magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || is_utf16(magic);
    if regular {
        file.seek(SeekFrom::Start(0))?;
        if !is_packed {
            return Ok(Bytes::Plain(file));
        }
    }
    let before = if regular { Vec::new() } else { magic.to_vec() };
    let whole = Cursor::new(before).chain(file);
    let unpacked: Box<dyn Read + Send> = if magic.starts_with(&[0x1f, 0x8b]) {
        Box::new(MultiGzDecoder::new(BufReader::with_capacity(PIECE, whole)))
    } else if magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(Zstandard { input: Some(Box::new(BufReader::with_capacity(PIECE, whole))), frame: None })
    } else if is_utf16(magic) {
        Box::new(Utf16 {
            input: BufReader::with_capacity(PIECE, whole),
            big: magic[0] == 0xfe,
            high: None,
            out: Vec::new(),
        })
    } else {
        Box::new(whole)
    };
    Ok(Bytes::Stream(Stream { bytes: unpacked, ahead: Vec::new() }))
}

/// Returns whether it begins with UTF-16's byte order mark.
fn is_utf16(magic: &[u8]) -> bool {
    magic.starts_with(&[0xff, 0xfe]) || magic.starts_with(&[0xfe, 0xff])
}

type Input = Box<dyn Read + Send>;

/// Reads a sequence of Zstandard frames.
struct Zstandard {
    input: Option<Input>,
    frame: Option<Box<Frame>>,
}

/// A frame that is being decompressed.
struct Frame {
    decoder: FrameDecoder,
    input: Input,
}

impl Frame {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let blocks = BlockDecodingStrategy::UptoBlocks(1);
            self.decoder.decode_blocks(&mut self.input, blocks).map_err(io::Error::other)?;
        }
        self.decoder.read(buffer)
    }
}

impl Read for Zstandard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let read = frame.read(buffer)?;
                if read > 0 {
                    return Ok(read);
                }
                if let Some(frame) = self.frame.take() {
                    let Frame { decoder, input } = *frame;
                    let (told, is) = (decoder.get_checksum_from_data(), decoder.get_calculated_checksum());
                    if told.is_some() && told != is {
                        return Err(io::Error::other("invalid checksum in the packed file"));
                    }
                    self.input = Some(input);
                }
            }
            let Some(mut input) = self.input.take() else { return Ok(0) };
            let mut first = [0];
            if retried(&mut input, &mut first)? == 0 {
                return Ok(0);
            }
            let mut input: Input = Box::new(Cursor::new(first).chain(input));
            let mut decoder = FrameDecoder::new();
            decoder.set_max_window_size(WINDOW);
            match decoder.init(&mut input) {
                Ok(()) => self.frame = Some(Box::new(Frame { decoder, input })),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    io::copy(&mut (&mut input).take(u64::from(length)), &mut io::sink())?;
                    self.input = Some(input);
                }
                Err(e) => return Err(io::Error::other(e)),
            }
        }
    }
}

/// Converts UTF-16 to UTF-8.
struct Utf16<R> {
    input: R,
    big: bool,
    /// The first half of a surrogate pair.
    high: Option<u16>,
    out: Vec<u8>,
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.out.len() < buffer.len().min(PIECE) {
            let mut unit = [0; 2];
            let first = retried(&mut self.input, &mut unit[..1])?;
            if first == 0 || retried(&mut self.input, &mut unit[1..])? == 0 {
                break;
            }
            let unit = if self.big { u16::from_be_bytes(unit) } else { u16::from_le_bytes(unit) };
            let units: Vec<u16> = self.high.take().into_iter().chain([unit]).collect();
            if (0xd800..0xdc00).contains(&unit) && units.len() == 1 {
                self.high = Some(unit);
                continue;
            }
            for c in char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)) {
                // The byte order mark itself is not text.
                if c != '\u{feff}' {
                    self.out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
        let len = self.out.len().min(buffer.len());
        buffer[..len].copy_from_slice(&self.out[..len]);
        self.out.drain(..len);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(bytes: &[u8], once: bool) -> (bool, String) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let mut out = Vec::new();
        let plain = match unpack(file, once).unwrap() {
            Bytes::Plain(mut file) => {
                file.read_to_end(&mut out).unwrap();
                true
            }
            Bytes::Stream(mut stream) => {
                let ahead = stream.look(16).unwrap();
                let mut buffer = Vec::new();
                while stream.read(&mut buffer).unwrap() > 0 {
                    out.append(&mut buffer);
                }
                assert!(out.starts_with(&ahead));
                false
            }
        };
        (plain, String::from_utf8(out).unwrap())
    }

    #[test]
    fn whatever_it_is_packed_in_the_text_comes_out() {
        let text = "a line\n🐘 another\n".repeat(20_000);
        let gzip = |text: &str| {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(text.as_bytes()).unwrap();
            out.finish().unwrap()
        };
        let zstd = |text: &str| {
            ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest)
        };
        let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect()
        };
        for once in [false, true] {
            assert_eq!(read(text.as_bytes(), once), (!once, text.clone()));
            // Two that were put together are one.
            let twice = format!("{text}{text}");
            assert_eq!(read(&[gzip(&text), gzip(&text)].concat(), once), (false, twice.clone()));
            assert_eq!(read(&[zstd(&text), zstd(&text)].concat(), once), (false, twice));
            assert_eq!(read(&utf16(u16::to_le_bytes), once), (false, text.clone()));
            assert_eq!(read(&utf16(u16::to_be_bytes), once), (false, text.clone()));
        }
        assert_eq!(read(b"", false), (true, String::new()));
        assert_eq!(read(b"ab", true), (false, "ab".to_owned()));
    }
}
