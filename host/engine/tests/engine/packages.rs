//! Functions that somebody else has compiled.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Instant};

use millstream_core::{artifact::Digest, failure::Failure, manifest::Manifest};
use millstream_engine::{
    Engine, EngineKind, Execute as _, Local, Package, Precompiler, Target,
    package::{Index, PackageEntry, code_file, manifest_file, pack},
};

use crate::support::{Home, component, limited, run};

/// A package of the faulty function for jobs, and its folder.
fn package(home: &Home) -> PathBuf {
    let folder = home.path().join("package");
    fs::create_dir_all(&folder).unwrap();
    let target = Target::here().expect("a processor of Lambda's");
    let component = component("faulty");
    let code = Precompiler::new(target).unwrap().code(EngineKind::Job, &component).unwrap();
    let code = pack(&code).unwrap();
    let manifest: Manifest = home.local().describe(&home.add("faulty")).unwrap();
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let entry = PackageEntry {
        name: "faulty".to_owned(),
        function: Digest::of(&component),
        manifest: Digest::of(&manifest),
        code: BTreeMap::from([(EngineKind::Job, Digest::of(&code))]),
    };
    fs::write(folder.join(manifest_file(&entry.manifest)), manifest).unwrap();
    fs::write(folder.join(code_file(&entry.code[&EngineKind::Job])), code).unwrap();
    let index = Index { format: Index::FORMAT, target: target.triple().to_owned(), functions: vec![entry] };
    write(&folder, &index);
    folder
}

fn write(folder: &std::path::Path, index: &Index) {
    fs::write(folder.join(Index::FILE), serde_json::to_vec(index).unwrap()).unwrap();
}

fn host_says(outcome: Result<impl Sized, Failure>, text: &str) {
    match outcome {
        Err(Failure::Host { message }) => assert!(message.contains(text), "{message}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it is not refused; it should say {text}"),
    }
}

#[test]
fn code_of_a_package_runs_as_code_that_was_compiled_here() {
    let home = Home::new();
    let package = Package::open(&package(&home)).unwrap();
    let local = Local::packaged(home.artifacts.clone(), &package).unwrap();
    let job = home.job_with("echo", &[b"a,b\n1,2\n"]);
    assert_eq!(run(&local, &job).unwrap(), run(&home.local(), &job).unwrap());
    assert_eq!(local.describe(&job.function).unwrap().name, "faulty");
    assert_eq!(package.functions().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["faulty"]);
}

#[test]
fn what_a_package_lacks_is_not_compiled() {
    let home = Home::new();
    let package = Package::open(&package(&home)).unwrap();
    let local = Local::packaged(home.artifacts.clone(), &package).unwrap();
    host_says(local.describe(&home.add("noop")), "is not in this package");
    let serve = Engine::packaged(EngineKind::Serve, home.artifacts.clone(), &package).unwrap();
    host_says(serve.load(&home.add("faulty")), "for jobs alone");
}

#[test]
fn a_package_that_was_tampered_with_or_is_for_others_is_refused() {
    let home = Home::new();
    let folder = package(&home);
    let index: Index = serde_json::from_slice(&fs::read(folder.join(Index::FILE)).unwrap()).unwrap();
    let load = || {
        let local = Local::packaged(home.artifacts.clone(), &Package::open(&folder)?)?;
        local.describe(&home.add("faulty"))
    };
    load().unwrap();

    let code = folder.join(code_file(&index.functions[0].code[&EngineKind::Job]));
    let bytes = fs::read(&code).unwrap();
    fs::write(&code, &bytes[..bytes.len() - 1]).unwrap();
    host_says(load(), "not what the index says");
    fs::remove_file(&code).unwrap();
    host_says(load(), "can't read `faulty`");
    fs::write(&code, bytes).unwrap();

    let other = Target::ALL.into_iter().find(|target| Some(*target) != Target::here()).unwrap();
    write(&folder, &Index { target: other.triple().to_owned(), ..index.clone() });
    host_says(load(), "this processor is");
    write(&folder, &Index { format: 99, ..index.clone() });
    host_says(load(), "format 99");
    fs::write(folder.join(Index::FILE), "{").unwrap();
    host_says(load(), "index.json");
    write(&folder, &index);
    load().unwrap();
}

/// Bytes that the other processor runs; this one has no use for them, but that they are made is seen here.
#[test]
fn code_is_made_for_the_other_processor_too() {
    let component = component("noop");
    for (target, machine) in [(Target::X86_64, [62, 0]), (Target::Arm64, [183, 0])] {
        let Ok(precompiler) = Precompiler::new(target) else {
            eprintln!("SKIPPED: built without the back end for {target} (feature `cross`)");
            continue;
        };
        for kind in [EngineKind::Job, EngineKind::Serve] {
            let code = precompiler.code(kind, &component).unwrap();
            assert_eq!(code[18..20], machine, "{target}");
            assert_eq!(code, precompiler.code(kind, &component).unwrap(), "the same bytes each time");
        }
    }
    let here = Precompiler::new(Target::here().unwrap()).unwrap();
    assert!(matches!(here.code(EngineKind::Job, b"#!/bin/sh"), Err(Failure::Function { .. })));
}

#[test]
fn a_job_in_this_process_that_never_lets_go_is_given_up() {
    let home = Home::new();
    let local = home.local();
    let mut job = home.job("loop");
    job.limits.wall_time = std::time::Duration::from_millis(200);
    // Loaded before, so that the time is the job's own.
    run(&local, &home.job("ok")).unwrap();
    let began = Instant::now();
    assert_eq!(limited(run(&local, &job)).0, "time");
    assert!(began.elapsed().as_secs() < 30);
    assert_eq!(local.given_up(), 1);
    run(&local, &home.job("ok")).unwrap();
}
