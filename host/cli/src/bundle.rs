//! The functions and the template that this binary carries; `build.rs` packs them and writes the lists.

use std::sync::OnceLock;

use millstream_worker::Bundled;
use zstd::bulk::Decompressor;

include!(concat!(env!("OUT_DIR"), "/bundle.rs"));

/// A component, compressed by zstd.
struct Packed {
    bytes: &'static [u8],
    /// Of the component, in bytes.
    size: usize,
}

/// A component's plain bytes. It was packed as what differs from the base, which is unpacked once.
#[allow(dead_code, reason = "a binary that was built without functions has none to unpack")]
fn unpack(packed: &Packed) -> Vec<u8> {
    static PLAIN: OnceLock<Vec<u8>> = OnceLock::new();
    plain(packed, PLAIN.get_or_init(|| plain(&BASE, &[])))
}

fn plain(packed: &Packed, base: &[u8]) -> Vec<u8> {
    Decompressor::with_dictionary(base)
        .and_then(|mut zstd| zstd.decompress(packed.bytes, packed.size))
        .expect("the binary is as it was built")
}

#[cfg(test)]
mod tests {
    use millstream_core::artifact::Digest;

    use super::*;

    #[test]
    fn what_is_unpacked_has_the_digest_of_what_was_packed() {
        assert!(!FUNCTIONS.is_empty(), "built without functions: run `cargo xtask functions` first");
        for function in FUNCTIONS {
            let bytes = (function.unpack)();
            assert_eq!(Digest::of(&bytes), function.digest, "{}", function.name);
            assert!(bytes.starts_with(b"\0asm"), "{}", function.name);
        }
    }
}
