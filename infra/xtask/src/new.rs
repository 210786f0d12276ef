//! Begins what there are many of: `cargo xtask new algorithm NAME`, `cargo xtask new stage NAME`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;

use crate::run::{check, root, say, shown};

#[derive(Subcommand)]
pub enum New {
    /// An algorithm that trains and predicts: a kernel in functions/learners, a function in functions/algorithms, and its
    /// entry in the catalogue. What it does is yours to replace.
    Algorithm {
        /// Lower-case letters, digits and hyphens, such as `quantile-forest`.
        name: String,
    },
    /// A stage that makes a table of a table: a function in functions/stages, and its entry in the catalogue. What it does is
    /// yours to replace.
    Stage {
        /// Lower-case letters, digits and hyphens, such as `drop-duplicates`.
        name: String,
    },
}

/// What is written for one. `{{name}}`, `{{module}}` and `{{title}}` are filled in, in the paths too.
struct Template {
    /// New files: where, and of what.
    files: &'static [(&'static str, &'static str)],
    /// Lines that are put among those of their kind: file, how such lines begin, and the line.
    lines: &'static [(&'static str, &'static str, &'static str)],
    /// Where functions are entered, and the entry.
    catalog: (&'static str, &'static str),
}

const ALGORITHM: Template = Template {
    files: &[
        ("functions/learners/src/{{module}}/mod.rs", include_str!("../templates/algorithm/kernel-mod.rs.in")),
        (
            "functions/learners/src/{{module}}/hyperparams.rs",
            include_str!("../templates/algorithm/kernel-hyperparams.rs.in"),
        ),
        (
            "functions/learners/src/{{module}}/algorithm.rs",
            include_str!("../templates/algorithm/kernel-algorithm.rs.in"),
        ),
        ("functions/algorithms/{{name}}/Cargo.toml", include_str!("../templates/algorithm/Cargo.toml.in")),
        ("functions/algorithms/{{name}}/src/lib.rs", include_str!("../templates/algorithm/lib.rs.in")),
        (
            "functions/algorithms/{{name}}/tests/{{module}}.rs",
            include_str!("../templates/algorithm/tests.rs.in"),
        ),
    ],
    lines: &[
        ("functions/learners/src/lib.rs", "pub mod ", "pub mod {{module}};"),
        (CATALOG_MANIFEST, "fn-", r#"fn-{{name}} = { path = "../algorithms/{{name}}" }"#),
    ],
    catalog: (
        "functions/catalog/src/algorithms.rs",
        "        Function::algorithm::<fn_{{module}}::Train>()
            .model::<fn_{{module}}::Model>()
            .example(Numbers, json!({})),\n",
    ),
};

const STAGE: Template = Template {
    files: &[
        ("functions/stages/{{name}}/Cargo.toml", include_str!("../templates/stage/Cargo.toml.in")),
        ("functions/stages/{{name}}/src/lib.rs", include_str!("../templates/stage/lib.rs.in")),
        ("functions/stages/{{name}}/tests/{{module}}.rs", include_str!("../templates/stage/tests.rs.in")),
    ],
    lines: &[(CATALOG_MANIFEST, "fn-", r#"fn-{{name}} = { path = "../stages/{{name}}" }"#)],
    catalog: (
        "functions/catalog/src/stages.rs",
        "        Function::stage::<fn_{{module}}::Stage>().example(Learns::Rows, json!({})),\n",
    ),
};

const CATALOG_MANIFEST: &str = "functions/catalog/Cargo.toml";
/// New entries of the catalogue come behind this.
const ENTRIES: &str = "    vec![\n";

/// Begins it in this checkout.
pub fn new(what: &New) -> anyhow::Result<()> {
    let (name, template, next) = match what {
        New::Algorithm { name } => (name, ALGORITHM, "the kernel, and its section in docs/algorithms.md"),
        New::Stage { name } => (name, STAGE, "the stage"),
    };
    for file in begin(&root(), name, &template)? {
        println!("{}", file.display());
    }
    let tests = match what {
        New::Algorithm { .. } => format!(
            "MILLSTREAM_ALGORITHM={name} cargo xtask test -p millstream-catalog -p fn-{name} -p millstream-learners"
        ),
        New::Stage { .. } => format!("cargo xtask test -p millstream-catalog -p fn-{name}"),
    };
    say(&format!("Next: write {next}; then\n  {tests}\n  cargo xtask docs"));
    Ok(())
}

/// Writes a function's files below `root` and enters it where functions are listed. Returns the files, changed ones last.
fn begin(root: &Path, name: &str, template: &Template) -> anyhow::Result<Vec<PathBuf>> {
    let part =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let sound = name.starts_with(|first: char| first.is_ascii_lowercase()) && name.split('-').all(part);
    ensure!(
        sound,
        "`{name}` is no name: take lower-case letters, digits and hyphens, such as quantile-forest"
    );
    let filled = |text: &str| {
        let words = name.replace('-', " ");
        let title = words[..1].to_uppercase() + &words[1..];
        let module = name.replace('-', "_");
        text.replace("{{name}}", name).replace("{{module}}", &module).replace("{{title}}", &title)
    };
    let files: Vec<(PathBuf, String)> =
        template.files.iter().map(|(path, text)| (PathBuf::from(filled(path)), filled(text))).collect();
    if let Some((there, _)) = files.iter().find(|(path, _)| root.join(path).exists()) {
        bail!("{} is there already", there.display());
    }
    // All changes are known before the first file is written.
    let read =
        |file: &str| fs::read_to_string(root.join(file)).with_context(|| format!("cannot read {file}"));
    let mut changed = Vec::new();
    for (file, prefix, line) in template.lines {
        changed.push((PathBuf::from(file), sorted_in(&read(file)?, prefix, &filled(line))?));
    }
    let (catalog, entry) = template.catalog;
    let entries = read(catalog)?;
    ensure!(entries.contains(ENTRIES), "{catalog} has no list of functions");
    changed.push((catalog.into(), entries.replacen(ENTRIES, &format!("{ENTRIES}{}", filled(entry)), 1)));
    let mut written = Vec::new();
    for (path, text) in files.into_iter().chain(changed) {
        let whole = root.join(&path);
        fs::create_dir_all(whole.parent().context("a file lies in a folder")?)?;
        fs::write(&whole, text).with_context(|| format!("cannot write {}", whole.display()))?;
        written.push(path);
    }
    format(root, &written)?;
    Ok(written)
}

/// The text with one more line among those that begin with `prefix`, before the first that sorts behind it.
fn sorted_in(text: &str, prefix: &str, line: &str) -> anyhow::Result<String> {
    let lines: Vec<&str> = text.lines().collect();
    let of_kind = |other: &&str| other.starts_with(prefix);
    let last = lines.iter().rposition(of_kind).with_context(|| format!("no line `{prefix}`"))?;
    let behind = lines.iter().position(|other| of_kind(other) && *other > line);
    let place = behind.unwrap_or(last + 1);
    let mut lines = lines;
    lines.insert(place, line);
    Ok(lines.join("\n") + "\n")
}

/// As `cargo fmt` would have it.
fn format(root: &Path, files: &[PathBuf]) -> anyhow::Result<()> {
    let rust = files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let mut command = std::process::Command::new("rustfmt");
    command.current_dir(root).args(["--edition", "2024"]).args(rust);
    check(&mut command).with_context(|| format!("{} failed", shown(&command)))
}

#[cfg(test)]
mod additions;
#[cfg(test)]
mod tests;
