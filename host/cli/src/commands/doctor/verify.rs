//! `doctor --verify`: reads every artifact, and says of what is damaged who uses it and what makes it whole.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use millstream_control::runs;
use millstream_core::{
    artifact::Digest,
    completion::{Completion, Outcome},
    layout,
};
use millstream_registry::Models;
use millstream_store::{ErrorKind, entries};
use millstream_worker::{Home, Records};

use super::{Finding, broken, good, note};
use crate::{
    bundle,
    display::{spinner, text},
    place::cores,
};

/// All artifacts of a store.
const ARTIFACTS: &str = "artifacts/";

/// What a damaged or missing artifact is, and how it becomes whole.
struct Use {
    what: String,
    mend: String,
    /// A run has made or read it, so that it was in the store once.
    of_run: bool,
}

type Uses = BTreeMap<Digest, Use>;

pub fn artifacts(home: &Home) -> Vec<Finding> {
    let listed: Result<Vec<_>, _> = entries(home.store().as_ref(), ARTIFACTS).collect();
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => return vec![broken("artifacts", error.to_string(), "make the store readable")],
    };
    let mut findings = Vec::new();
    let mut digests = Vec::new();
    let mut bytes = 0;
    for entry in listed {
        let name = entry.key.rsplit('/').next().unwrap_or_default();
        match name.parse::<Digest>() {
            Ok(digest) if layout::artifact(&digest) == entry.key => {
                bytes += entry.size;
                digests.push(digest);
            }
            _ => findings.push(broken(
                "artifacts",
                format!("{} is no artifact's place", entry.key),
                "remove it",
            )),
        }
    }
    let began = Instant::now();
    let wrong = verify(home, &digests);
    let missing: Vec<(Digest, String)> = {
        let needed = needed(home);
        let gone = |digest: &Digest| digests.binary_search(digest).is_err();
        needed.into_iter().filter(|(digest, _)| gone(digest)).collect()
    };
    let uses = uses(home);
    let gone: Vec<_> = uses
        .iter()
        .filter(|(digest, found)| {
            found.of_run
                && digests.binary_search(digest).is_err()
                && !missing.iter().any(|(it, _)| it == *digest)
        })
        .collect();
    if let Some((digest, first)) = gone.first() {
        let count = text::count(gone.len() as u64, "artifact");
        let found = format!("{count} of runs gone, such as {} ({})", digest.short(), first.what);
        findings.push(note("artifacts", found, &first.mend));
    }
    if !wrong.is_empty() || !missing.is_empty() {
        for (digest, how) in wrong {
            findings.push(finding(&uses, &digest, &how));
        }
        for (digest, model) in missing {
            findings.push(finding(&uses, &digest, &format!("is gone, and {model} needs it")));
        }
    }
    if findings.is_empty() {
        let time = text::duration(began.elapsed().as_millis() as u64);
        let count = text::count(digests.len() as u64, "artifact");
        findings.push(good("artifacts", format!("{count} verified, {} in {time}", text::bytes(bytes))));
    }
    findings
}

fn finding(uses: &Uses, digest: &Digest, how: &str) -> Finding {
    let key = layout::artifact(digest);
    match uses.get(digest) {
        Some(found) => broken("artifacts", format!("{} ({}) {how}", digest.short(), found.what), &found.mend),
        None => broken(
            "artifacts",
            format!("{} {how}; nothing that is known uses it", digest.short()),
            &format!("remove {key} from the store"),
        ),
    }
}

/// Those whose bytes are not what their names promise, and how that shows. Sorts nothing: listings come in order.
fn verify(home: &Home, digests: &[Digest]) -> Vec<(Digest, String)> {
    let _spinner = spinner("Reading all artifacts");
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..cores() {
            scope.spawn(|| {
                while let Some(digest) = digests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let how = match home.artifacts().verify(digest) {
                        Ok(()) => continue,
                        Err(error) if error.kind() == ErrorKind::Corrupt => "is damaged".to_owned(),
                        // Removed since it was listed.
                        Err(error) if error.kind() == ErrorKind::NotFound => continue,
                        Err(error) => format!("cannot be read: {error}"),
                    };
                    wrong.lock().unwrap_or_else(PoisonError::into_inner).push((*digest, how));
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap_or_else(PoisonError::into_inner);
    wrong.sort();
    wrong
}

/// What versions of models cannot do without.
fn needed(home: &Home) -> Vec<(Digest, String)> {
    let models = Models::new(home.store().as_ref());
    let mut needed = Vec::new();
    for name in models.names().unwrap_or_default() {
        for version in models.versions(&name).unwrap_or_default() {
            let reference = version.reference();
            let states = version.pipeline.stages.iter().map(|stage| stage.state);
            needed.extend(states.chain([version.model.digest]).map(|digest| (digest, reference.clone())));
        }
    }
    needed
}

/// Who has made or uses each artifact. A model's version counts before a run: its loss matters more.
fn uses(home: &Home) -> Uses {
    let mut uses = Uses::new();
    let records = Records::new(home.store().clone());
    for run in runs::names(home).unwrap_or_default() {
        let Ok(Some(plan)) = records.plan(&run) else { continue };
        let folder = plan.base.as_deref().unwrap_or(".");
        let again = format!(
            "run workflow `{}` (in {folder}) again, as run {run} did: it makes the same bytes",
            plan.workflow
        );
        for parts in plan.frozen.sources.values() {
            for part in &parts.parts {
                let what = format!("source {} of run {run}", part.name);
                let mend = format!("{again}; it reads {} anew, if that has not changed", part.name);
                uses.insert(part.digest, Use { what, mend, of_run: true });
            }
        }
        for entry in entries(home.store().as_ref(), &layout::all_done(&run, None)).flatten() {
            let Some(Completion { step, outcome: Outcome::Done(results), .. }) = read(home, &entry.key)
            else {
                continue;
            };
            for (output, parts) in results.outputs {
                for part in parts.parts {
                    let what = format!("{step}/{output}/{} of run {run}", part.name);
                    uses.insert(part.digest, Use { what, mend: again.clone(), of_run: true });
                }
                for stage in parts.stages {
                    let what = format!("state of stage `{}`, in run {run}", stage.name);
                    uses.entry(stage.state).or_insert(Use { what, mend: again.clone(), of_run: true });
                }
            }
        }
    }
    let models = Models::new(home.store().as_ref());
    for name in models.names().unwrap_or_default() {
        for version in models.versions(&name).unwrap_or_default() {
            let (reference, run) = (version.reference(), &version.origin.run);
            let mend = format!(
                "run workflow `{}` again, as run {run} did: it makes the same bytes; until then {reference} does not load",
                version.workflow
            );
            for stage in &version.pipeline.stages {
                let what = format!("state of stage `{}` of {reference}", stage.name);
                uses.insert(stage.state, Use { what, mend: mend.clone(), of_run: false });
            }
            let what = format!("model {reference}");
            uses.insert(version.model.digest, Use { what, mend: mend.clone(), of_run: false });
        }
    }
    for entry in entries(home.store().as_ref(), layout::FUNCTIONS).flatten() {
        if let Some(found) = read::<millstream_worker::Registered>(home, &entry.key) {
            let what = format!("function {} {}", found.manifest.name, found.manifest.version);
            let mend = "add it again: `millstream functions add FILE`".to_owned();
            uses.insert(found.digest, Use { what, mend, of_run: false });
        }
    }
    for function in bundle::FUNCTIONS {
        let what = format!("function {}, which comes with millstream", function.name);
        let mend = "it is put back when a workflow uses it next".to_owned();
        uses.insert(function.digest, Use { what, mend, of_run: false });
    }
    uses
}

fn read<T: serde::de::DeserializeOwned>(home: &Home, key: &str) -> Option<T> {
    serde_json::from_slice(&home.store().get(key).ok()?.bytes).ok()
}
