use super::{
    additions::{BY_HAND, add, promised},
    *,
};
use crate::run::{target_dir, write_if_changed};
use std::{collections::BTreeSet, process::Command};

#[test]
fn lines_are_put_in_order() {
    let text = "use x;\npub mod a;\npub mod c;\n\npub use y;\n";
    assert_eq!(
        sorted_in(text, "pub mod ", "pub mod b;").unwrap(),
        "use x;\npub mod a;\npub mod b;\npub mod c;\n\npub use y;\n"
    );
    let last = sorted_in(text, "pub mod ", "pub mod d;").unwrap();
    assert_eq!(last, "use x;\npub mod a;\npub mod c;\npub mod d;\n\npub use y;\n");
    assert!(sorted_in(text, "fn-", "fn-x").is_err());
}

/// A copy of the files that belong to the project. It stays where it is, so that cargo builds little anew the next time.
fn copy(name: &str) -> PathBuf {
    let copy = target_dir().join("tmp").join(name);
    let listed = Command::new("git")
        .current_dir(root())
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout).unwrap();
    let files: BTreeSet<&str> = listed.split_terminator('\0').collect();
    for file in &files {
        // A file that was removed is listed until that is committed.
        let Ok(bytes) = fs::read(root().join(file)) else { continue };
        let to = copy.join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        write_if_changed(&to, &bytes).unwrap();
    }
    remove_others(&copy, &copy, &files);
    copy
}

/// Removes what another copy left.
fn remove_others(folder: &Path, copy: &Path, files: &BTreeSet<&str>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            remove_others(&path, copy, files);
            // Only if it is empty.
            let _ = fs::remove_dir(&path);
        } else if !files.contains(path.strip_prefix(copy).unwrap().to_str().unwrap()) {
            fs::remove_file(&path).unwrap();
        }
    }
}

/// It is the whole addition: what the command writes builds, learns, predicts, and goes through every bad table.
#[test]
#[ignore = "builds for minutes, in the target folder that other tests run from: see CONTRIBUTING.md"]
fn a_new_algorithm_passes_the_conformance() {
    let copy = copy("additions");
    for bad in ["", "Ridge", "-a", "a--b", "a_b", "1a", "ridge"] {
        assert!(begin(&copy, bad, &ALGORITHM).is_err(), "{bad}");
    }
    let files = begin(&copy, "weighted-sum", &ALGORITHM).unwrap();
    assert_eq!(files.len(), ALGORITHM.files.len() + 3);
    assert!(begin(&copy, "weighted-sum", &ALGORITHM).unwrap_err().to_string().contains("there already"));
    let mut tests = Command::new(env!("CARGO"));
    // As the workspace's tests are built, so that dependencies are there.
    tests.args(["test", "--release", "--offline", "--workspace"]);
    tests.args(["--test", "weighted_sum", "--test", "algorithms"]);
    tests
        .current_dir(&copy)
        .env("MILLSTREAM_ALGORITHM", "weighted-sum")
        .env("CARGO_TARGET_DIR", target_dir());
    let ran = tests.output().unwrap();
    let output = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{output}\n{}", String::from_utf8_lossy(&ran.stderr));
    for name in [
        "it_learns_and_predicts",
        "every_algorithm_ends_with_a_sound_model_or_the_blame",
        "every_algorithm_learns_or_says_what_is_wrong",
        "every_algorithm_refuses_parameters_out_of_range_by_name",
        "every_model_answers_or_says_what_is_wrong",
    ] {
        assert!(output.contains(&format!("{name} ... ok")), "{name}:\n{output}");
    }
}

/// The files that are other than in the repository, or that it does not have.
fn changed(copy: &Path) -> BTreeSet<String> {
    fn look(folder: &Path, copy: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, copy, found);
                continue;
            }
            let file = path.strip_prefix(copy).unwrap();
            if fs::read(root().join(file)).ok() != Some(fs::read(&path).unwrap()) {
                found.insert(file.to_str().unwrap().to_owned());
            }
        }
    }
    let mut found = BTreeSet::new();
    look(copy, copy, &mut found);
    found
}

/// A kind of addition, the name of this one, and how it is made.
type Made = (&'static str, &'static str, Box<dyn Fn(&Path)>);

fn all() -> Vec<Made> {
    let functions: [Made; 2] = [
        (
            "algorithm",
            "first-rows-mean",
            Box::new(|copy| drop(begin(copy, "first-rows-mean", &ALGORITHM).unwrap())),
        ),
        ("stage", "first-rows", Box::new(|copy| drop(begin(copy, "first-rows", &STAGE).unwrap()))),
    ];
    let by_hand = BY_HAND.iter().map(|addition| -> Made {
        let name = match addition.kind {
            "store" | "queue" => "mirror",
            "error code" => "MS0900",
            _ => "greet",
        };
        (addition.kind, name, Box::new(|copy| drop(add(copy, addition).unwrap())))
    });
    functions.into_iter().chain(by_hand).collect()
}

#[test]
fn additions_touch_what_contributing_says_and_nothing_else() {
    for (kind, name, make) in all() {
        let copy = copy("touched");
        make(&copy);
        let (touched, promised) = (changed(&copy), promised(&root(), kind, name));
        let covers = |path: &str, file: &str| path == file || (path.ends_with('/') && file.starts_with(path));
        for file in &touched {
            assert!(
                promised.iter().any(|path| covers(path, file)),
                "{kind}: {file} is not in CONTRIBUTING.md"
            );
        }
        for path in &promised {
            assert!(touched.iter().any(|file| covers(path, file)), "{kind}: nothing was done in {path}");
        }
    }
}

/// All of them at once, so that the workspace is checked once.
#[test]
#[ignore = "checks the whole workspace: the release workflow runs it, see CONTRIBUTING.md"]
fn additions_compile() {
    let copy = copy("all-additions");
    for (_, _, make) in all() {
        make(&copy);
    }
    let mut command = Command::new(env!("CARGO"));
    command.args(["check", "--release", "--offline", "--workspace", "--all-targets"]);
    let ran = command.current_dir(&copy).env("CARGO_TARGET_DIR", target_dir()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}
