//! Keeps each name that many entries have in common only once.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use twox_hash::XxHash3_64;

/// A map whose keys are hashes, so that they need not be hashed again.
pub type Hashed<V> = HashMap<u64, V, BuildHasherDefault<Passed>>;

/// A hasher that returns its key unchanged, because the key is a hash.
#[derive(Debug, Default, Clone, Copy)]
pub struct Passed(u64);

impl Hasher for Passed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(bytes);
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}

/// Returns the hash of a text: XXH3 with 64 bits, which is the same on all machines and in all versions of pgkit.
pub fn hash(text: &[u8]) -> u64 {
    XxHash3_64::oneshot(text)
}

/// The largest number of different names that are kept.
const MOST: usize = 100_000;
/// The text that is shown instead of a name for everything beyond a limit.
pub const OTHERS: &[u8] = b"(others)";

/// Names, each with a number.
#[derive(Debug, Default)]
pub struct Names {
    numbers: Hashed<u32>,
    names: Vec<Box<[u8]>>,
}

impl Names {
    /// Returns the number of a name, which is added if it is new; `None` if the name is empty.
    pub fn number(&mut self, name: &[u8]) -> Option<u32> {
        if name.is_empty() {
            return None;
        }
        let hash = hash(name);
        if let Some(number) = self.numbers.get(&hash) {
            return Some(*number);
        }
        if self.names.len() >= MOST && name != OTHERS {
            return self.number(OTHERS);
        }
        let number = u32::try_from(self.names.len()).ok()?;
        self.numbers.insert(hash, number);
        self.names.push(name.into());
        Some(number)
    }

    /// Returns the name with this number.
    pub fn name(&self, number: u32) -> &[u8] {
        self.names.get(number as usize).map_or(b"", |name| name)
    }
}

/// How many names [`Few`] keeps.
const FEW: usize = 10;

/// The numbers of the first names that were added, and whether there were more.
#[derive(Debug, Clone, Default)]
pub struct Few {
    numbers: Vec<u32>,
    has_more: bool,
}

impl Few {
    /// Adds the number of a name, if there is one.
    pub fn add(&mut self, number: Option<u32>) {
        let Some(number) = number else { return };
        // The first name is compared first, because most often there is only one.
        if self.numbers.first() == Some(&number) || self.numbers.contains(&number) {
            return;
        }
        if self.numbers.len() < FEW {
            self.numbers.push(number);
        } else {
            self.has_more = true;
        }
    }

    /// Returns the names, separated by commas, with `…` at the end if there were more.
    pub fn text(&self, names: &Names) -> Vec<u8> {
        let mut all: Vec<&[u8]> = self.numbers.iter().map(|number| names.name(*number)).collect();
        all.sort_unstable();
        if self.has_more {
            all.push("…".as_bytes());
        }
        all.join(&b", "[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number_and_few_are_listed() {
        let mut names = Names::default();
        let mut few = Few::default();
        assert_eq!(names.number(b""), None);
        for name in ["b", "a", "b"] {
            few.add(names.number(name.as_bytes()));
        }
        assert_eq!(few.text(&names), b"a, b");
        (0..20).for_each(|n| few.add(names.number(format!("x{n}").as_bytes())));
        assert!(few.text(&names).ends_with(", …".as_bytes()));
        assert_eq!(names.name(1), b"a");
    }
}
