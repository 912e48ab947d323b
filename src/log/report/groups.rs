//! Rows that entries are added to by a key. Their number is bounded; what comes after that is counted in one row.

use super::names::Hashed;

/// How many rows a section has at most.
const MOST: usize = 20_000;

/// Rows by key, and one for all others.
#[derive(Debug)]
pub struct Groups<V> {
    rows: Hashed<V>,
    others: Option<V>,
}

impl<V> Default for Groups<V> {
    fn default() -> Groups<V> {
        Groups { rows: Hashed::default(), others: None }
    }
}

impl<V> Groups<V> {
    /// Returns the row with this key, which is made if there is none. Beyond the bound, it is the row of all others, which
    /// `others` makes.
    pub fn row(&mut self, key: u64, new: impl FnOnce() -> V, others: impl FnOnce() -> V) -> &mut V {
        if self.rows.len() >= MOST && !self.rows.contains_key(&key) {
            return self.others.get_or_insert_with(others);
        }
        self.rows.entry(key).or_insert_with(new)
    }

    /// Returns the row with this key, if there is one.
    pub fn known(&mut self, key: u64) -> Option<&mut V> {
        self.rows.get_mut(&key)
    }

    /// Returns the row with this key, to read it.
    pub fn get(&self, key: u64) -> Option<&V> {
        self.rows.get(&key)
    }

    /// Returns the rows, by `weight`, the heaviest first; the row of all others is the last.
    pub fn heaviest<K: PartialOrd>(&self, weight: impl Fn(&V) -> K) -> Vec<&V> {
        let mut all: Vec<(K, u64, &V)> =
            self.rows.iter().map(|(key, row)| (weight(row), *key, row)).collect();
        all.sort_by(|a, b| {
            b.0.partial_cmp(&a.0).unwrap_or(std::cmp::Ordering::Equal).then_with(|| a.1.cmp(&b.1))
        });
        all.into_iter().map(|(_, _, row)| row).chain(&self.others).collect()
    }

    /// Returns whether some were added to the row of all others.
    pub fn has_others(&self) -> bool {
        self.others.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_bound_is_counted_in_one_row() {
        let mut groups = Groups::default();
        for n in 0..MOST as u64 + 10 {
            *groups.row(n, || 0, || 0) += n.max(1);
        }
        assert!(groups.has_others());
        let rows = groups.heaviest(|n| *n);
        assert_eq!((*rows[0], *rows[1]), (MOST as u64 - 1, MOST as u64 - 2));
        assert_eq!(**rows.last().unwrap(), (MOST as u64..MOST as u64 + 10).sum::<u64>());
        assert!(groups.known(1).is_some());
    }
}
