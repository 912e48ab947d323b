//! What of a log could not be read, or is not shown.

/// What part of a log is not shown, or not shown in full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    /// The bytes that do not belong to a complete entry.
    pub bytes: u64,
    /// The number of entries longer than [`super::LONGEST`] of which only the beginning is shown.
    pub cut: u64,
    /// The entries longer than [`super::LONGEST`] of which nothing is shown.
    pub too_long: u64,
    /// Lines that look like entries but do not begin with the prefix: they are shown as they are.
    pub strange: u64,
    /// The lines that do not have the form of the wrapping that the log is in.
    pub odd: u64,
    /// The parts of entries whose entry is missing.
    pub parts: u64,
}

/// Which lines could not be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unread {
    /// How many lines were read so far.
    pub lines: u64,
    /// How many of them are not part of an entry that could be read.
    pub unread: u64,
    /// The numbers of the first of those, from 1; 0 if there are no more, or if reading began in the middle of the log.
    pub first: [u64; 3],
    /// The last line that was counted.
    pub(crate) last: u64,
    /// Reading began in the middle of the log.
    pub(crate) is_in_the_middle: bool,
}

impl Unread {
    /// Counts lines that could not be read, which begin with the line of this number.
    pub(crate) fn add(&mut self, number: u64, lines: u64) {
        // A line may have been counted already, for what is before this part of it.
        let known = (self.last + 1).saturating_sub(number);
        let (number, lines) = (number + known, lines.saturating_sub(known));
        self.last = self.last.max((number + lines).saturating_sub(1));
        self.unread += lines;
        if self.is_in_the_middle {
            return;
        }
        let free = self.first.iter_mut().filter(|first| **first == 0);
        free.zip(number..number + lines).for_each(|(first, number)| *first = number);
    }
}

impl std::ops::AddAssign for Losses {
    fn add_assign(&mut self, other: Losses) {
        self.bytes += other.bytes;
        self.cut += other.cut;
        self.too_long += other.too_long;
        self.strange += other.strange;
        self.odd += other.odd;
        self.parts += other.parts;
    }
}
