//! Functions, compiled for a processor.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use millstream_core::artifact::Digest;
use millstream_engine::{
    EngineKind, Precompiler, Target,
    package::{Index, PackageEntry, code_file, manifest_file, pack},
};

use crate::{Error, File, Function};

/// The folder in a package, beside the bootstrap.
const FOLDER: &str = "components";

/// Compiles functions for that processor, on all cores of this one: the files of `components/`. Each goes in for jobs, and, if that
/// is asked for and it is a model, for predictors; nothing is there twice. `told` hears of each function once it is compiled.
///
/// # Errors
/// There is no compiler for the processor, or a function cannot be compiled.
pub fn compile(
    target: Target,
    functions: &[Function],
    told: &(dyn Fn(&str) + Sync),
) -> Result<Vec<File>, Error> {
    let precompiler = Precompiler::new(target).map_err(|failure| Error::Compiler(Box::new(failure)))?;
    let functions: Vec<&Function> =
        functions.iter().map(|one| (one.digest, one)).collect::<BTreeMap<_, _>>().into_values().collect();
    let next = AtomicUsize::new(0);
    let compiled = Mutex::new(BTreeMap::new());
    let lock = || compiled.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || {
        while let Some(function) = functions.get(next.fetch_add(1, Ordering::Relaxed)) {
            let one = compile_one(&precompiler, target, function);
            told(&function.manifest.name);
            lock().insert(function.digest, one);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let compiled = compiled.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut files = BTreeMap::new();
    let mut index =
        Index { format: Index::FORMAT, target: target.triple().to_owned(), functions: Vec::new() };
    for (function, one) in compiled {
        let One { name, manifest, code } = one?;
        let mut entry =
            PackageEntry { name, function, manifest: Digest::of(&manifest), code: BTreeMap::new() };
        files.insert(manifest_file(&entry.manifest), manifest);
        for (kind, bytes) in code {
            let digest = Digest::of(&bytes);
            files.insert(code_file(&digest), bytes);
            entry.code.insert(kind, digest);
        }
        index.functions.push(entry);
    }
    index.functions.sort_by(|one, other| one.name.cmp(&other.name));
    files.insert(Index::FILE.to_owned(), serde_json::to_vec_pretty(&index).expect("an index is JSON"));
    let file = |(name, bytes)| File { path: format!("{FOLDER}/{name}"), bytes, executable: false };
    Ok(files.into_iter().map(file).collect())
}

struct One {
    name: String,
    manifest: Vec<u8>,
    code: Vec<(EngineKind, Vec<u8>)>,
}

fn compile_one(precompiler: &Precompiler, target: Target, function: &Function) -> Result<One, Error> {
    let name = &function.manifest.name;
    let mut kinds = vec![EngineKind::Job];
    if function.predictors && function.manifest.exports.model {
        kinds.push(EngineKind::Serve);
    }
    let compile = |kind| {
        let code = precompiler.code(kind, &function.component).map_err(|failure| Error::Function {
            name: name.clone(),
            target,
            failure: Box::new(failure),
        })?;
        Ok((kind, pack(&code).map_err(|error| Error::Archive(error.to_string()))?))
    };
    let code = kinds.into_iter().map(compile).collect::<Result<_, _>>()?;
    let manifest = serde_json::to_vec(&function.manifest).expect("a manifest is JSON");
    Ok(One { name: name.clone(), manifest, code })
}
