//! Text and lists of which no more is taken out of a guest's memory than is used.
//!
//! The engine would copy what a guest hands over before anybody can say that it is too long: a log line of 2 GiB takes a
//! second of a thread, and as much memory of the host.

use wasmtime::{
    ValRaw,
    component::{
        __internal::{
            CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext,
            wasmtime_environ::component::StringEncoding,
        },
        ComponentType, Lift, Linker, WasmList, WasmStr,
    },
};

use super::{State, report::MAX_MESSAGE};
use crate::{
    contract::{self, report, types},
    text::truncate,
};

/// A text's beginning: [`MAX_MESSAGE`] bytes at most, with an ellipsis where something is missing.
pub(crate) struct Text(String);

/// In UTF-16's sizes: this bit is set where the units have two bytes.
const UTF16_TAG: usize = 1 << 31;

/// Enough to see that there is more.
const TAKEN: usize = MAX_MESSAGE + 4;

impl Text {
    fn lift(cx: &mut LiftContext<'_>, start: u32, length: u32) -> wasmtime::Result<Self> {
        let (start, length) = (start as usize, length as usize);
        let (unit, units) = match cx.options().string_encoding {
            StringEncoding::Utf8 => (1, length),
            StringEncoding::Utf16 => (2, length),
            StringEncoding::CompactUtf16 if length & UTF16_TAG == 0 => (0, length),
            StringEncoding::CompactUtf16 => (2, length ^ UTF16_TAG),
        };
        let bytes = units * unit.max(1);
        let memory = cx.memory();
        let text = start.checked_add(bytes).and_then(|end| memory.get(start..end));
        let Some(text) = text else {
            return Err(wasmtime::Error::msg("string pointer/length out of bounds of memory"));
        };
        let taken = &text[..text.len().min(TAKEN * unit.max(1))];
        cx.consume_fuel(taken.len())?;
        let text = match unit {
            // Latin-1.
            0 => taken.iter().map(|byte| char::from(*byte)).collect(),
            1 => utf8(taken, taken.len() < text.len())?,
            _ => utf16(taken, taken.len() < text.len())?,
        };
        Ok(Self(truncate(&text, MAX_MESSAGE)))
    }
}

/// `cut`: there was more, so that the last character may be in parts.
fn utf8(bytes: &[u8], cut: bool) -> wasmtime::Result<String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) if cut && error.error_len().is_none() => {
            Ok(String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned())
        }
        Err(error) => Err(error.into()),
    }
}

fn utf16(bytes: &[u8], cut: bool) -> wasmtime::Result<String> {
    let mut units: Vec<u16> =
        bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    if cut && units.last().is_some_and(|last| (0xd800..0xdc00).contains(last)) {
        units.pop();
    }
    Ok(String::from_utf16(&units)?)
}

// SAFETY: the same type and the same form as `WasmStr`'s, which is a pointer and a length.
unsafe impl ComponentType for Text {
    type Lower = [ValRaw; 2];

    const ABI: CanonicalAbiInfo = <WasmStr as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        WasmStr::typecheck(ty, types)
    }
}

// SAFETY: reads pointer and length as `WasmStr` does, and memory within its bounds.
unsafe impl Lift for Text {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        _: InterfaceType,
        src: &Self::Lower,
    ) -> wasmtime::Result<Self> {
        Self::lift(cx, src[0].get_u32(), src[1].get_u32())
    }

    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        _: InterfaceType,
        bytes: &[u8],
    ) -> wasmtime::Result<Self> {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Self::lift(cx, word(0), word(4))
    }
}

/// Links `report` so that it takes no more of a text than is kept.
pub(crate) fn link_report(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(contract::REPORT)?;
    instance.func_wrap("log", |mut store, (level, message): (report::Level, Text)| {
        store.data_mut().log(level, &message.0)
    })?;
    instance.func_wrap("metric", |mut store, (name, value, step): (Text, f64, u64)| {
        store.data_mut().metric(&name.0, value, step)
    })?;
    instance.func_wrap("phase", |mut store, (name,): (Option<Text>,)| {
        store.data_mut().phase(name.as_ref().map(|name| name.0.as_str()))
    })
}

/// What the imports of a job answer.
type Answer<T> = wasmtime::Result<(Result<T, types::Failure>,)>;

/// Links what only a job may call so that it refuses whoever else does, without looking at what is handed over.
pub(crate) fn link_refusals(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime::component::Resource;

    use super::{inputs::Reader, models::Model, no_job, outputs::Writer};

    let mut inputs = linker.instance(contract::INPUTS)?;
    inputs.func_wrap("parts", |_, (_,): (WasmStr,)| -> wasmtime::Result<(Vec<contract::inputs::Part>,)> {
        Err(no_job())
    })?;
    inputs.func_wrap("open", |_, _: (WasmStr, u32)| -> Answer<Resource<Reader>> { Err(no_job()) })?;
    let mut outputs = linker.instance(contract::OUTPUTS)?;
    outputs.func_wrap("create", |_, _: (WasmStr, WasmStr, WasmStr)| -> Answer<Resource<Writer>> {
        Err(no_job())
    })?;
    let mut models = linker.instance(contract::MODELS)?;
    models.func_wrap("load", |_, _: (WasmStr, u32)| -> Answer<Resource<Model>> { Err(no_job()) })?;
    models.func_wrap("catch-up", |_, _: (WasmStr, WasmStr)| -> Answer<Option<Resource<Model>>> {
        Err(no_job())
    })?;
    let mut collective = linker.instance(contract::COLLECTIVE)?;
    collective.func_wrap("all-reduce", |_, (_,): (WasmList<f64>,)| -> wasmtime::Result<(Vec<f64>,)> {
        Err(no_job())
    })?;
    collective
        .func_wrap("broadcast", |_, _: (u32, WasmList<u8>)| -> wasmtime::Result<(Vec<u8>,)> { Err(no_job()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_cut_is_cut_between_characters() {
        assert_eq!(utf8("aä".as_bytes(), false).unwrap(), "aä");
        assert_eq!(utf8(&"aä".as_bytes()[..2], true).unwrap(), "a");
        assert!(utf8(&"aä".as_bytes()[..2], false).is_err(), "nothing was cut: it is no text");
        assert!(utf8(b"\xff\xff", true).is_err());
        let units: Vec<u8> = "a🦀".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(utf16(&units, false).unwrap(), "a🦀");
        assert_eq!(utf16(&units[..4], true).unwrap(), "a");
        assert!(utf16(&units[..4], false).is_err());
    }
}
