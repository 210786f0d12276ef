//! A component, made of a core module if need be.

use std::{fs, io::Write as _, path::Path};

use anyhow::Context as _;
use tempfile::NamedTempFile;

use super::Usage;

/// What the bytes of a core module begin with; a component's begin with another version.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// A component's bytes.
pub struct Component {
    bytes: Vec<u8>,
    /// They are not what the file holds.
    made: bool,
}

impl Component {
    /// Reads a component. Of a core module that says what it exports, as `cargo build --target wasm32-unknown-unknown`
    /// makes it with the SDK or with wit-bindgen, a component is made.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let bytes =
            fs::read(file).map_err(|error| Usage(format!("cannot read {}: {error}", file.display())))?;
        if !bytes.starts_with(CORE_MODULE) {
            return Ok(Self { bytes, made: false });
        }
        let bytes = wit_component::ComponentEncoder::default()
            .validate(true)
            .module(&bytes)
            .and_then(|mut encoder| encoder.encode())
            .with_context(|| {
                format!("{} is a core module, and no component can be made of it", file.display())
            })?;
        Ok(Self { bytes, made: true })
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A file with the bytes, if there is none yet.
    pub fn made_file(&self) -> anyhow::Result<Option<NamedTempFile>> {
        if !self.made {
            return Ok(None);
        }
        let mut file = tempfile::Builder::new().suffix(".wasm").tempfile()?;
        file.write_all(&self.bytes)?;
        Ok(Some(file))
    }
}
