//! Counts the parts of a log that could not be read or are not shown.

/// How much of a log is not shown, or not shown in full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    /// The number of bytes that do not belong to a complete entry.
    pub bytes: u64,
    /// The number of entries longer than [`super::LONGEST`] of which only the beginning is shown.
    pub cut: u64,
    /// The number of entries longer than [`super::LONGEST`] that are not shown at all.
    pub too_long: u64,
    /// The number of lines that look like entries but do not begin with the prefix. They are shown unchanged.
    pub strange: u64,
    /// How many of these lines begin with a time, as the prefix does. If the prefix was guessed, they show that it is wrong or
    /// has changed.
    pub misfits: u64,
    /// The number of lines that do not have the format of the wrapping that the log is in.
    pub odd: u64,
    /// The number of parts of entries, such as DETAIL and STATEMENT, that have no entry before them.
    pub parts: u64,
}

/// The lines of a log that could not be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unread {
    /// How many lines were read so far.
    pub lines: u64,
    /// How many of these lines do not belong to an entry that could be read.
    pub unread: u64,
    /// The numbers of the first unread lines, counted from 1. A number is 0 if there are fewer unread lines, or if
    /// reading began in the middle of the log.
    pub first: [u64; 3],
    /// The number of the last line that was counted as unread.
    pub(crate) last: u64,
    /// Whether reading began in the middle of the log.
    pub(crate) is_in_the_middle: bool,
}

impl Unread {
    /// Counts unread lines, the first of which has this number.
    pub(crate) fn add(&mut self, number: u64, lines: u64) {
        // Lines may have been counted before, because an earlier part of them could not be read either.
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
        self.misfits += other.misfits;
        self.odd += other.odd;
        self.parts += other.parts;
    }
}
