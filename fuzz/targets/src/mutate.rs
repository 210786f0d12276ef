//! Damage as a fuzzer would do it, but the same each time: for the test that needs no fuzzer.

use millstream_learners::rng::Rng;

/// Bytes that readers give a meaning to: ends of ranges, lengths, signs and brackets.
const SPECIAL: &[u8] = b"\x00\x01\x02\x7f\x80\xff\n\r\t \"',:;-+.0123456789eE[]{}()$#*&!|<>%@\\/NaNinfnull";

/// One to four damages to `bytes`, which may take parts of `other`.
pub fn mutated(bytes: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + rng.below(4) {
        damage(&mut bytes, other, rng);
    }
    bytes
}

fn damage(bytes: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    if bytes.is_empty() {
        bytes.push(any(rng));
        return;
    }
    let at = rng.below(bytes.len());
    let length = (1 + rng.below(16)).min(bytes.len() - at);
    match rng.below(10) {
        0 => bytes[at] ^= 1 << rng.below(8),
        1 => bytes[at] = any(rng),
        2 => bytes[at] = SPECIAL[rng.below(SPECIAL.len())],
        3 => bytes.insert(at, SPECIAL[rng.below(SPECIAL.len())]),
        4 => drop(bytes.drain(at..at + length)),
        5 => {
            let copy = bytes[at..at + length].to_vec();
            let to = rng.below(bytes.len() + 1);
            bytes.splice(to..to, copy);
        }
        6 => bytes[at..at + length].fill(if rng.below(2) == 0 { 0 } else { 255 }),
        7 => bytes.truncate(at),
        // Digits for digits get further than any byte.
        8 => {
            let digits: Vec<usize> = (0..bytes.len()).filter(|&i| bytes[i].is_ascii_digit()).collect();
            if !digits.is_empty() {
                bytes[digits[rng.below(digits.len())]] = b'0' + rng.below(10) as u8;
            }
        }
        _ if other.is_empty() => bytes[at] = any(rng),
        _ => {
            let from = rng.below(other.len());
            let length = (1 + rng.below(64)).min(other.len() - from);
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, other[from..from + length].iter().copied());
        }
    }
}

fn any(rng: &mut Rng) -> u8 {
    rng.below(256) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_does_the_same_damage() {
        let run = |seed| {
            let mut rng = Rng::new(seed, 0);
            (0..200).map(|_| mutated(b"name: x\nsteps: {}", b"[1, 2]", &mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        assert!(run(1).iter().any(|bytes| bytes.len() > 17) && run(1).iter().any(|bytes| bytes.len() < 17));
        assert!(!mutated(b"", b"", &mut Rng::new(0, 0)).is_empty());
    }
}
