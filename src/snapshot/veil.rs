//! Replaces what a snapshot is not to show by hashes.

use sha2::Digest;

/// A secret that the hashes of one snapshot depend on. Equal values have equal hashes in it, and nobody can find out a
/// value by hashing guesses, because the secret is not kept.
#[derive(Debug, Clone)]
pub struct Veil([u8; 32]);

impl Veil {
    /// Creates one with a new secret.
    pub fn new(secret: [u8; 32]) -> Veil {
        Veil(secret)
    }

    /// Returns the hash of a text: 16 hexadecimal digits.
    pub fn hash(&self, text: &str) -> String {
        // Hashed twice, as HMAC does, so that nothing can be appended to the text.
        let inner = sha2::Sha256::new().chain_update(self.0).chain_update(text).finalize();
        let outer = sha2::Sha256::new().chain_update(self.0).chain_update(inner).finalize();
        outer.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_equal_hashes_in_one_snapshot_only() {
        let (one, other) = (Veil::new([1; 32]), Veil::new([2; 32]));
        assert_eq!(one.hash("a"), one.hash("a"));
        assert_ne!(one.hash("a"), one.hash("b"));
        assert_ne!(one.hash("a"), other.hash("a"));
        assert_eq!(one.hash("").len(), 16);
    }
}
