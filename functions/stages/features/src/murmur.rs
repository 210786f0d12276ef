//! MurmurHash3 for 32 bits (Austin Appleby, public domain), with which scikit-learn hashes features.

/// Where a key goes among `width` columns, and 1 or -1: as scikit-learn's `FeatureHasher`.
pub fn place(key: &[u8], width: usize) -> (usize, f64) {
    let hash = hash(key) as i32;
    let sign = if hash >= 0 { 1.0 } else { -1.0 };
    (hash.unsigned_abs() as usize % width, sign)
}

/// The hash of some bytes, with seed 0.
fn hash(bytes: &[u8]) -> u32 {
    let mix = |block: u32| block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let mut hash = 0u32;
    let (blocks, rest) = bytes.as_chunks::<4>();
    for block in blocks {
        hash = (hash ^ mix(u32::from_le_bytes(*block))).rotate_left(13);
        hash = hash.wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    if !rest.is_empty() {
        let mut block = [0; 4];
        block[..rest.len()].copy_from_slice(rest);
        hash ^= mix(u32::from_le_bytes(block));
    }
    hash ^= bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    /// Values of the reference implementation.
    #[test]
    fn hashes_are_the_known_ones() {
        assert_eq!(super::hash(b""), 0);
        assert_eq!(super::hash(b"test"), 0xba6b_d213);
        assert_eq!(super::hash(b"Hello, world!"), 0xc036_3e43);
    }
}
