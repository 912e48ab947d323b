//! Wrappings that are JSON.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Line, Piece, Time};
use crate::log::decode::LONGEST;

#[derive(Deserialize)]
struct Docker<'a> {
    #[serde(borrow)]
    log: Cow<'a, str>,
    #[serde(borrow)]
    stream: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
}

pub(super) fn docker(line: &[u8]) -> Option<Line<'_>> {
    let found: Docker<'_> = serde_json::from_slice(line).ok()?;
    let mut text = found.log.into_owned().into_bytes();
    // A line of more than 16 kB is split into pieces, of which only the last ends with the line feed.
    let ends = text.last() == Some(&b'\n');
    if ends {
        text.pop();
    }
    Some(Line::Server(Piece {
        text: text.into(),
        ends,
        stream: usize::from(found.stream == "stdout"),
        time: Some(Time::Full(found.time)),
        ..Piece::default()
    }))
}

#[derive(Deserialize)]
struct CloudNative<'a> {
    #[serde(borrow)]
    logger: Option<Cow<'a, str>>,
    #[serde(borrow)]
    record: Option<&'a RawValue>,
    /// The time as in RFC 3339; up to version 1.22, the seconds since 1970.
    #[serde(borrow)]
    ts: Option<&'a RawValue>,
}

pub(super) fn cloud_native(line: &[u8]) -> Option<Line<'_>> {
    let found: CloudNative<'_> = serde_json::from_slice(line).ok()?;
    found.logger.as_ref()?;
    match found.record {
        Some(record) if record.get().contains("\"error_severity\"") => Some(Line::Server(Piece {
            text: record.get().as_bytes().into(),
            ends: true,
            time: time_in(found.ts),
            ..Piece::default()
        })),
        // A message of CloudNativePG's own manager.
        _ => Some(Line::Foreign),
    }
}

/// An object of a service's export. Which key holds the text depends on the service.
#[derive(Deserialize)]
struct Object<'a> {
    /// Google's Cloud Logging
    #[serde(borrow, rename = "textPayload")]
    text_payload: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "jsonPayload")]
    json_payload: Option<Inner<'a>>,
    /// Azure's diagnostic settings
    #[serde(borrow)]
    properties: Option<Inner<'a>>,
    /// CloudWatch, Vector
    #[serde(borrow, alias = "@message")]
    message: Option<Cow<'a, str>>,
    /// journalctl -o json
    #[serde(borrow, rename = "MESSAGE")]
    journal: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "SYSLOG_IDENTIFIER")]
    program: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "_PID")]
    pid: Option<Cow<'a, str>>,
    /// Fluentd, Fluent Bit
    #[serde(borrow)]
    log: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
    /// jsonlog has this key, so the object is not a wrapping.
    #[serde(borrow)]
    error_severity: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Inner<'a> {
    #[serde(borrow, default)]
    message: Option<Cow<'a, str>>,
}

pub(super) fn object(line: &[u8]) -> Option<Line<'_>> {
    if line.first() != Some(&b'{') {
        return None;
    }
    let found: Object<'_> = serde_json::from_slice(line).ok()?;
    if found.error_severity.is_some() {
        return None;
    }
    if found.journal.is_some()
        && found.program.as_ref().is_some_and(|program| !program.starts_with("postgres"))
    {
        return Some(Line::Foreign);
    }
    let inner =
        |object: Option<Inner<'_>>| object.and_then(|inner| inner.message).map(|text| text.into_owned());
    let text = found
        .text_payload
        .or(found.journal)
        .or(found.log)
        .map(|text| text.into_owned())
        .or_else(|| inner(found.json_payload))
        .or_else(|| inner(found.properties))
        .or_else(|| found.message.map(|text| text.into_owned()));
    // An object without a text is about the service itself.
    let Some(text) = text else { return Some(Line::Foreign) };
    Some(Line::Server(Piece {
        text: text.trim_end_matches('\n').to_owned().into_bytes().into(),
        ends: true,
        time: time_in(found.timestamp),
        pid: found.pid.and_then(|pid| pid.parse().ok()),
        ..Piece::default()
    }))
}

/// Returns a time as in RFC 3339; `None` if it is written in another way.
fn time_in(value: Option<&RawValue>) -> Option<Time<'_>> {
    value
        .map(|raw| raw.get().trim_matches('"'))
        .filter(|time| time.contains('T'))
        .map(|time| Time::Full(time.into()))
}

/// Returns whether an array begins here that may contain objects.
pub(super) fn begins_array(line: &[u8]) -> bool {
    line.trim_ascii_start().first() == Some(&b'[') && matches!(line.trim_ascii().get(1), None | Some(b'{'))
        || line.trim_ascii() == b"{"
}

/// Returns whether this beginning contains an object with a text.
pub(super) fn is_array_of_texts(beginning: &[u8]) -> bool {
    let mut any = false;
    Splitter::default().feed(beginning, |object| any |= matches!(object_of(object), Some(Line::Server(_))));
    any
}

fn object_of(text: &[u8]) -> Option<Line<'_>> {
    object(text)
}

/// Extracts objects from the text around them.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    object: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Splitter {
    /// Returns whether there is an incomplete object.
    pub(super) fn is_open(&self) -> bool {
        self.depth > 0
    }

    /// Calls `each` with every complete object.
    pub(super) fn feed(&mut self, data: &[u8], mut each: impl FnMut(&[u8])) {
        for byte in data {
            if self.depth == 0 && *byte != b'{' {
                continue;
            }
            if self.object.len() < LONGEST * 2 {
                self.object.push(*byte);
            }
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' if !self.in_string => self.depth += 1,
                b'}' if !self.in_string => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        each(&self.object);
                        self.object.clear();
                    }
                }
                _ => {}
            }
        }
    }
}
