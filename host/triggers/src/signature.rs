//! Signed requests, as GitHub and many others send them.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The header that carries a signature: `sha256=` and the HMAC-SHA-256 of the body in hexadecimal digits.
pub const SIGNATURE: &str = "x-hub-signature-256";

/// Whether `header` is the signature of `body` made with `secret`. Takes as long for a wrong signature as for a right one.
pub fn is_signed_by(secret: &[u8], body: &[u8], header: &str) -> bool {
    let Some(digits) = header.trim().strip_prefix("sha256=").filter(|digits| digits.len() == 64) else {
        return false;
    };
    let byte = |pair: &[u8]| {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)
    };
    let Some(given) = digits.as_bytes().chunks_exact(2).map(byte).collect::<Option<Vec<u8>>>() else {
        return false;
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("an HMAC takes keys of any length");
    mac.update(body);
    mac.verify_slice(&given).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_github_documents_is_taken_and_anything_else_is_not() {
        let (secret, body) = (b"It's a Secret to Everybody", b"Hello, World!");
        let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(is_signed_by(secret, body, good));
        assert!(!is_signed_by(b"another", body, good));
        assert!(!is_signed_by(secret, b"Hello, World?", good));
        for wrong in ["", "sha256=", "sha1=757107ea", &good[7..], &good.replace('7', "g"), "sha256=é"] {
            assert!(!is_signed_by(secret, body, wrong), "{wrong}");
        }
    }
}
