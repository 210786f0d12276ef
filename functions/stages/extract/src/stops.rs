//! Where in a text the bytes are that mean something: delimiters, line ends, quotes.

const BLOCK: usize = 16;

/// Finds four bytes, sixteen places at a time.
#[derive(Clone, Copy)]
pub struct Stops {
    wanted: [u8; 4],
}

impl Stops {
    pub fn new(wanted: [u8; 4]) -> Self {
        Self { wanted }
    }

    /// Appends the places of the wanted bytes, in order; the text's first byte is at `offset`.
    pub fn find(&self, text: &[u8], offset: usize, places: &mut Vec<usize>) {
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        let mut at = offset;
        for block in blocks {
            let mut mask = self.mask(block);
            while mask != 0 {
                places.push(at + mask.trailing_zeros() as usize);
                mask &= mask - 1;
            }
            at += BLOCK;
        }
        places
            .extend((at..).zip(rest).filter(|(_, byte)| self.wanted.contains(byte)).map(|(place, _)| place));
    }

    /// A bit for each byte that is wanted.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    #[inline]
    fn mask(&self, block: &[u8; BLOCK]) -> u32 {
        use core::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_splat, u64x2, v128_or};
        let (halves, _) = block.as_chunks::<8>();
        let bytes = u64x2(u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1]));
        let [a, b, c, d] = self.wanted.map(|wanted| u8x16_eq(bytes, u8x16_splat(wanted)));
        u32::from(u8x16_bitmask(v128_or(v128_or(a, b), v128_or(c, d))))
    }

    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    #[inline]
    fn mask(&self, block: &[u8; BLOCK]) -> u32 {
        let bits = block.iter().enumerate();
        bits.fold(0, |mask, (place, byte)| mask | u32::from(self.wanted.contains(byte)) << place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_one_is_found(text in "[ab,\n\r\"]{0,100}") {
            let mut places = Vec::new();
            Stops::new(*b",\n\r\"").find(text.as_bytes(), 7, &mut places);
            let expected: Vec<usize> = text.match_indices([',', '\n', '\r', '"']).map(|(place, _)| place + 7).collect();
            prop_assert_eq!(places, expected);
        }
    }
}
