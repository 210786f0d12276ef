//! What the README says to type works as it stands, in the order in which it stands.

use std::{
    env, fs,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

use millstream_tests::{Place, Ran, binary, root};

/// The port that the README's server listens at.
const PORT: &str = "8080";

/// The commands of all blocks of shell in a Markdown file, block by block.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "```sh" {
            blocks
                .push(lines.by_ref().take_while(|line| line.trim() != "```").collect::<Vec<_>>().join("\n"));
        }
    }
    blocks
}

/// Without what builds the binary: that has been done.
fn without_builds(block: &str) -> String {
    block.lines().filter(|line| !line.starts_with("cargo ")).collect::<Vec<_>>().join("\n")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Runs a script where the project's examples lie as in the project. Stops at the first command that fails, and ends the server
/// that it started.
fn run(place: &Place, script: &str) -> Ran {
    let bin = place.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    #[cfg(unix)]
    if !bin.join("millstream").exists() {
        std::os::unix::fs::symlink(binary(), bin.join("millstream")).unwrap();
    }
    let path = format!("{}:{}", bin.display(), env::var("PATH").unwrap_or_default());
    let whole = format!("set -e\ntrap 'test ! -f server.pid || kill $(cat server.pid)' EXIT\n{script}\n");
    let output = Command::new("sh")
        .args(["-c", &whole])
        .current_dir(place.path())
        .env("PATH", path)
        .env_remove("MILLSTREAM_HOME")
        .stdin(Stdio::null())
        .output()
        .expect("a shell starts");
    output.into()
}

#[test]
fn the_readme_works_as_it_stands() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let place = Place::new();
    copy(&root().join("workflow/examples"), &place.path().join("workflow/examples"));
    let scripts: Vec<String> = blocks(&text).iter().map(|block| without_builds(block)).collect();
    let all = scripts.join("\n");
    for what in
        ["millstream run", "millstream models", "millstream serve &", "curl", "@2", "millstream rollback"]
    {
        assert!(
            all.contains(what),
            "the README does not show `{what}` any more: this test shows less than it should"
        );
    }
    // Other programs may listen at the port that it names.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    assert!(all.contains(&format!("127.0.0.1:{PORT}")));
    let all = all.replace(&format!("127.0.0.1:{PORT}"), &format!("127.0.0.1:{port}")).replace(
        "millstream serve &",
        &format!("millstream serve --port {port} > serve.log 2>&1 & echo $! > server.pid;"),
    );
    let ran = run(&place, &all).expect(0);
    // Three rows and what was answered for each.
    let answers: Vec<&str> = ran
        .stdout
        .lines()
        .filter(|line| line.starts_with("benign") || line.starts_with("malignant"))
        .collect();
    assert!(answers.len() == 3, "{answers:?} in\n{}", ran.stdout);
    // The versions say how good they are.
    let metrics = ran.stdout.lines().find(|line| line.starts_with("1 ") && line.contains("breast-cancer-"));
    assert!(metrics.is_some_and(|line| line.contains("auc ")), "{metrics:?} in\n{}", ran.stdout);
    assert!(ran.stdout.contains("rollout") || ran.stderr.contains("rollout"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("crate feature"), "{}", ran.stderr);
}

#[test]
fn blocks_of_shell_in_the_docs_are_run_or_build_something() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(blocks(&readme).len() >= 3);
    let mut files: Vec<_> = fs::read_dir(root().join("docs")).unwrap().flatten().map(|e| e.path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "md")) {
        for block in blocks(&fs::read_to_string(file).unwrap()) {
            let rest = without_builds(&block);
            let commands: Vec<&str> = rest.lines().filter(|line| !line.trim().is_empty()).collect();
            assert!(
                commands.is_empty(),
                "{}: nothing runs this block: run it in this test, or mark it as text\n{block}",
                file.display()
            );
        }
    }
}
