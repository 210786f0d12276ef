//! Compiles components for machines other than this one.

use std::fmt;

use millstream_core::failure::Failure;
use serde::{Deserialize, Serialize};

use crate::{
    engine::{EngineKind, config_for},
    error, function,
};

/// A kind of machine that components are compiled for: Linux on one of Lambda's two processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    /// 64-bit x86.
    #[serde(rename = "x86_64")]
    X86_64,
    /// 64-bit Arm.
    #[serde(rename = "arm64")]
    Arm64,
}

impl Target {
    /// Both.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Arm64];

    /// This machine's processor, if it is one of them.
    pub fn here() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Self::X86_64),
            "aarch64" => Some(Self::Arm64),
            _ => None,
        }
    }

    /// Lambda's name: `x86_64` or `arm64`.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }

    /// The compilers' name.
    pub fn triple(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// What any processor has that Lambda runs on, whichever machine compiles: AVX2 with what came with it, which AWS names for
    /// x86-64; of Arm what Graviton2 has.
    fn features(self) -> &'static [&'static str] {
        match self {
            Self::X86_64 => &[
                "has_cmpxchg16b",
                "has_sse3",
                "has_ssse3",
                "has_sse41",
                "has_sse42",
                "has_popcnt",
                "has_avx",
                "has_avx2",
                "has_bmi1",
                "has_bmi2",
                "has_fma",
                "has_lzcnt",
            ],
            Self::Arm64 => &["has_lse"],
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Compiles for one kind of machine. Its code goes into a package ([`Package`](crate::package::Package)).
pub struct Precompiler {
    job: wasmtime::Engine,
    serve: wasmtime::Engine,
}

impl Precompiler {
    /// For `target`, whichever machine this is.
    ///
    /// # Errors
    /// [`Failure::Host`]: this program has no compiler for it (the feature `cross`).
    pub fn new(target: Target) -> Result<Self, Failure> {
        let engine = |kind| {
            let mut config = config_for(kind, true);
            // A twentieth of the room, for offsets in the WebAssembly that no message tells.
            config.generate_address_map(false);
            let cant = |error| {
                error::host(format!(
                    "this program can't compile for {target} ({}): {error:#}",
                    target.triple()
                ))
            };
            config.target(target.triple()).map_err(cant)?;
            for feature in target.features() {
                // SAFETY: the processors that the code is for have it, and wasmtime looks whether they do when it loads it.
                unsafe { config.cranelift_flag_enable(feature) };
            }
            wasmtime::Engine::new(&config).map_err(cant)
        };
        Ok(Self { job: engine(EngineKind::Job)?, serve: engine(EngineKind::Serve)? })
    }

    /// The code of a component.
    ///
    /// # Errors
    /// [`Failure::Function`]: it is none.
    pub fn code(&self, kind: EngineKind, component: &[u8]) -> Result<Vec<u8>, Failure> {
        let engine = match kind {
            EngineKind::Job => &self.job,
            EngineKind::Serve => &self.serve,
        };
        function::check_kind(component).map_err(error::function)?;
        engine
            .precompile_component(component)
            .map_err(|error| error::function(format!("it can't be compiled: {error:#}")))
    }
}
