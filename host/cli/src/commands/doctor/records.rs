//! What `doctor` says of a home's records and of who may read them.

use std::{fs, path::Path};

use millstream_control::{runs, workflows};
use millstream_registry::{Endpoints, Keys, Models};
use millstream_store::Store;
use millstream_worker::{Functions, Home, Records};

use super::{Finding, broken, good, note};

/// How many are named before the rest is counted.
const NAMED: usize = 20;

/// Who may read and write the folder. Rows that were captured, models and the hashes of keys are in it.
#[cfg(unix)]
pub fn access(folder: &Path) -> Finding {
    use std::os::unix::fs::MetadataExt as _;
    let shown = folder.display().to_string();
    let mend = format!("chmod -R go-rwx '{shown}'");
    match fs::metadata(folder) {
        Ok(metadata) if metadata.mode() & 0o022 != 0 => broken(
            "access",
            format!(
                "others may write into {shown} (mode {:03o}): what runs and answers here is theirs to choose",
                metadata.mode() & 0o777
            ),
            &mend,
        ),
        Ok(metadata) if metadata.mode() & 0o055 != 0 => note(
            "access",
            format!(
                "others may read {shown} (mode {:03o}): rows, models and captured requests",
                metadata.mode() & 0o777
            ),
            &mend,
        ),
        Ok(_) => good("access", "its owner's alone"),
        Err(error) => note("access", format!("{shown}: {error}"), "look yourself"),
    }
}

#[cfg(not(unix))]
pub fn access(_: &Path) -> Finding {
    note("access", "who may read the home is not looked at on this system", "look yourself")
}

/// Reads every record that people or servers rest on. One finding for each that is damaged, or one that all is well.
pub fn records(home: &Home, functions: Option<&Functions>) -> Vec<Finding> {
    let mut wrong: Vec<(String, &'static str)> = Vec::new();
    let mut read = 0_usize;
    let store = home.store().as_ref();
    const RESTORE: &str = "put it back from a backup";
    let mut add = |what: Result<(), String>, mend: &'static str| {
        read += 1;
        wrong.extend(what.err().map(|what| (what, mend)));
    };
    match Endpoints::new(store).list() {
        Ok(all) => {
            for (_, endpoint) in all {
                add(
                    endpoint.map(drop).map_err(|e| e.to_string()),
                    "put it back from a backup, or deploy anew under another name",
                );
            }
        }
        Err(error) => add(Err(error.to_string()), RESTORE),
    }
    match Keys::new(store).list() {
        Ok(all) => {
            for (_, key) in all {
                add(
                    key.map(drop).map_err(|e| e.to_string()),
                    "`millstream keys revoke ID` removes it; make another key",
                );
            }
        }
        Err(error) => add(Err(error.to_string()), RESTORE),
    }
    let models = Models::new(store);
    for name in models.names().unwrap_or_default() {
        add(models.versions(&name).map(drop).map_err(|e| e.to_string()), RESTORE);
        add(
            models.aliases(&name).map(drop).map_err(|e| e.to_string()),
            "set the alias anew: `millstream models alias`",
        );
    }
    match workflows::list(home) {
        Ok(all) => {
            for (_, newest) in all {
                let mend = "push the workflow again, or remove the version: `millstream workflows rm NAME@N`";
                add(newest.map(drop).map_err(|e| e.to_string()), mend);
            }
        }
        Err(error) => add(Err(error.to_string()), RESTORE),
    }
    let plans = Records::new(home.store().clone());
    for run in runs::names(home).unwrap_or_default() {
        let plan = plans.plan(&run).map(drop).map_err(|error| error.to_string());
        add(plan, "put it back from a backup, or remove the run's folder from the store");
    }
    for (_, error) in functions.map(Functions::damaged).unwrap_or_default() {
        add(Err(error.to_string()), "see there");
    }
    wrong.extend(links(store));
    if wrong.is_empty() {
        return vec![good("records", format!("{read} read"))];
    }
    let more = wrong.len().saturating_sub(NAMED);
    let mut findings: Vec<Finding> =
        wrong.into_iter().take(NAMED).map(|(what, mend)| broken("records", what, mend)).collect();
    if more > 0 {
        findings.push(broken("records", format!("{more} more"), "mend these first"));
    }
    findings
}

/// Records that are links or no files: writing to one replaces the link, and where it leads may go away.
fn links(store: &dyn Store) -> Vec<(String, &'static str)> {
    const FOLDERS: [&str; 5] = ["endpoints", "models", "keys", "functions", "cache"];
    const MEND: &str = "put the file itself in its place";
    let Some(files) = store.local() else { return Vec::new() };
    let mut found = Vec::new();
    let mut folders: Vec<_> = FOLDERS.iter().map(|folder| files.root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() && path.extension().is_none() {
                folders.push(path);
            } else if !kind.is_file() {
                let what = match fs::metadata(&path) {
                    Ok(at) if kind.is_symlink() && at.is_file() => "is a link",
                    _ if kind.is_symlink() => "is a link to no file",
                    _ => "is no file",
                };
                found.push((format!("{} {what}", path.display()), MEND));
            }
        }
    }
    found
}
