//! Names that many entries have in common, kept once.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use twox_hash::XxHash3_64;

/// A map whose keys are hashes already.
pub type Hashed<V> = HashMap<u64, V, BuildHasherDefault<Passed>>;

/// Hands on a key that is a hash.
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

/// Returns the hash of a text: XXH3 of 64 bits, which is the same everywhere and always.
pub fn hash(text: &[u8]) -> u64 {
    XxHash3_64::oneshot(text)
}

/// The most different names that are kept.
const MOST: usize = 100_000;
/// What stands for all names beyond that.
const OTHERS: &[u8] = b"(others)";

/// Names by number.
#[derive(Debug, Default)]
pub struct Names {
    numbers: Hashed<u32>,
    names: Vec<Box<[u8]>>,
}

impl Names {
    /// Returns the number of a name; `None` if it is empty.
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

/// The numbers of a few names; whether there are more is all that is known of the rest.
#[derive(Debug, Clone, Default)]
pub struct Few {
    numbers: Vec<u32>,
    has_more: bool,
}

impl Few {
    /// Takes in a name's number.
    pub fn add(&mut self, number: Option<u32>) {
        let Some(number) = number else { return };
        // Most often it is the one before.
        if self.numbers.first() == Some(&number) || self.numbers.contains(&number) {
            return;
        }
        if self.numbers.len() < FEW {
            self.numbers.push(number);
        } else {
            self.has_more = true;
        }
    }

    /// Returns the names with commas between, `…` at the end if there are more.
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
