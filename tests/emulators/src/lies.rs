//! What each emulator does otherwise than AWS, in one place, so that a test that makes allowances names the reason.

use crate::Kind;

/// Something that AWS does, and an emulator does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lie {
    /// Which emulator.
    pub kind: Kind,
    /// Names it in tests.
    pub name: &'static str,
    /// What AWS does, and what the emulator does.
    pub text: &'static str,
}

/// All that are known.
pub const LIES: &[Lie] = &[
    Lie {
        kind: Kind::Moto,
        name: "sha256-unchecked",
        text: "a body whose SHA-256 is not the one in the header is stored; AWS refuses it",
    },
    Lie {
        kind: Kind::MiniStack,
        name: "small-parts",
        text: "parts of a multipart upload may be smaller than 5 MiB; AWS refuses it",
    },
];

/// Whether `kind` is known for it.
///
/// # Panics
/// No emulator is.
pub fn is_known(kind: Kind, name: &str) -> bool {
    assert!(LIES.iter().any(|lie| lie.name == name), "{name} is not in the list");
    LIES.iter().any(|lie| lie.kind == kind && lie.name == name)
}
