//! Rows with a key, to which entries are added. Their number is limited: once it is reached, entries with new keys are
//! added to one common row.

use super::kept::{Kept, Sums};
use super::names::Hashed;

/// The largest number of rows with a key in a section.
pub const MOST: usize = 20_000;

/// The rows of a section by key. Once there are [`MOST`] of them, one more row stands for all other keys.
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

impl<V: Kept> Groups<V> {
    /// Returns the row with this key. If the key is new, the row is created; if there are too many rows already, the
    /// row for all other keys is returned instead.
    pub fn row(&mut self, key: u64, new: impl FnOnce() -> V) -> &mut V {
        if self.rows.len() >= MOST && !self.rows.contains_key(&key) {
            return self.others.get_or_insert_with(V::others);
        }
        self.rows.entry(key).or_insert_with(new)
    }

    /// Returns the row that [`Groups::row`] returned for this key before.
    pub fn again(&mut self, key: u64) -> &mut V {
        match self.rows.get_mut(&key) {
            Some(row) => row,
            None => self.others.get_or_insert_with(V::others),
        }
    }

    /// Returns the row with this key, if the key has a row of its own.
    pub fn get(&self, key: u64) -> Option<&V> {
        self.rows.get(&key)
    }

    /// Returns the rows, the heaviest first. The row for all other keys comes last.
    pub fn heaviest(&self) -> Vec<&V> {
        let mut all: Vec<(&u64, &V)> = self.rows.iter().collect();
        all.sort_by(|a, b| b.1.weight().total_cmp(&a.1.weight()).then(a.0.cmp(b.0)));
        all.into_iter().map(|(_, row)| row).chain(&self.others).collect()
    }

    /// Returns the sums of all rows, which the overview shows.
    pub fn sums(&self) -> Sums {
        let mut rows = self.heaviest().into_iter().map(Kept::sums);
        let mut all = rows.next().unwrap_or_default();
        rows.for_each(|row| all.add(&row));
        all
    }

    /// Returns whether entries were added to the row for all other keys.
    pub fn has_others(&self) -> bool {
        self.others.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Kept for u64 {
        fn others() -> u64 {
            0
        }

        fn weight(&self) -> f64 {
            *self as f64
        }

        fn sums(&self) -> Sums {
            Sums { rows: 1, count: *self, ..Sums::default() }
        }
    }

    #[test]
    fn what_is_beyond_the_limit_is_counted_in_one_row() {
        let mut groups = Groups::default();
        for n in 0..MOST as u64 + 10 {
            *groups.row(n, || 0) += n.max(1);
        }
        *groups.again(MOST as u64 + 5) += 0;
        assert!(groups.has_others() && groups.get(1).is_some());
        let rows = groups.heaviest();
        assert_eq!((*rows[0], *rows[1]), (MOST as u64 - 1, MOST as u64 - 2));
        assert_eq!(**rows.last().unwrap(), (MOST as u64..MOST as u64 + 10).sum::<u64>());
        let sums = groups.sums();
        assert_eq!((sums.rows, sums.count), (MOST + 1, (1..MOST as u64 + 10).sum::<u64>() + 1));
    }
}
