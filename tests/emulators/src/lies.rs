//! What each emulator does otherwise than AWS, in one place, so that a test that makes allowances names the reason.

use crate::Kind;

/// Something that AWS does, and an emulator does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lie {
    /// Which emulator.
    pub kind: Kind,
    /// Names it in tests: for queues and stores, the test of the conformance suite that meets it.
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

/// Whether the conformance suite's test of this name fails on `kind`, or may fail, for a known reason, and is left out.
pub fn fails(kind: Kind, test: &str) -> bool {
    STORES.iter().chain(QUEUES).any(|lie| lie.kind == kind && lie.name == test)
}

/// Those about S3.
const STORES: &[Lie] = &[
    Lie {
        kind: Kind::Moto,
        name: "one of sixteen creators wins",
        text: "looks at a condition and writes in two steps: of two at the same time, both may win; AWS lets one win",
    },
    Lie { kind: Kind::Moto, name: "sixteen counters lose no count", text: "the same with If-Match" },
];

/// Those about SQS.
const QUEUES: &[Lie] = &[
    Lie {
        kind: Kind::Moto,
        name: "no two receivers hold a message",
        text: "gives a message to two who ask at the same time; AWS seldom does, and the host bears it",
    },
    Lie {
        kind: Kind::Moto,
        name: "visibility passes",
        text: "takes seconds for an answer when eight ask at once, so that a time of six seconds is over before it is looked at",
    },
    Lie { kind: Kind::Moto, name: "heartbeats", text: "the same" },
    Lie {
        kind: Kind::Moto,
        name: "stale receipts are harmless",
        text: "deletes a message by the receipt of an earlier delivery; AWS says that it may not",
    },
];
