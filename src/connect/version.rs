//! The server's version.

use std::fmt;

/// As `server_version_num` has it: 150018 is 15.18, 90624 is 9.6.24.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion(u32);

impl ServerVersion {
    /// The oldest major version that pgkit serves.
    pub const OLDEST: u32 = 10;
    /// The newest major version that pgkit knows.
    pub const NEWEST: u32 = 18;

    /// From `server_version_num`.
    pub const fn from_num(num: u32) -> ServerVersion {
        ServerVersion(num)
    }

    /// From the text of `server_version`: `15.18 (Debian 15.18-1)`, `18beta1`, `9.6.24`.
    pub fn parse(text: &str) -> Option<ServerVersion> {
        let digits_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut parts = text[..digits_end].split('.').filter(|part| !part.is_empty());
        let major: u32 = parts.next()?.parse().ok().filter(|major| *major < 10_000)?;
        let mut part = || parts.next().and_then(|part| part.parse::<u32>().ok());
        let num = if major >= 10 {
            major * 10_000 + part().unwrap_or(0).min(9_999)
        } else {
            major * 10_000 + part().unwrap_or(0).min(99) * 100 + part().unwrap_or(0).min(99)
        };
        Some(ServerVersion(num))
    }

    /// 150018 for 15.18.
    pub const fn num(self) -> u32 {
        self.0
    }

    /// 15 for 15.18, 9 for 9.6.24.
    pub const fn major(self) -> u32 {
        self.0 / 10_000
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.major() >= 10 {
            write!(f, "{}.{}", self.major(), self.0 % 10_000)
        } else {
            write!(f, "{}.{}.{}", self.major(), self.0 / 100 % 100, self.0 % 100)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_version_text_is_read() {
        for (text, num, shown) in [
            ("15.18 (Debian 15.18-0+deb12u1)", 150018, "15.18"),
            ("18beta1", 180000, "18.0"),
            ("19devel", 190000, "19.0"),
            ("10.23", 100023, "10.23"),
            ("9.6.24", 90624, "9.6.24"),
            ("9.5rc1", 90500, "9.5.0"),
            ("8.0.2", 80002, "8.0.2"),
            ("1.21.0/bouncer", 12100, "1.21.0"),
        ] {
            let version = ServerVersion::parse(text).unwrap();
            assert_eq!((version.num(), version.to_string().as_str()), (num, shown), "{text}");
        }
        assert_eq!(ServerVersion::parse("devel"), None);
        assert_eq!(ServerVersion::parse(""), None);
    }
}
