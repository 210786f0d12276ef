//! What each kind of addition touches, as CONTRIBUTING.md says it: done in a copy of the repository, and compared.

use std::{collections::BTreeSet, fs, path::Path};

use super::*;

/// An addition that is made by hand: new files, and lines in others.
pub struct Addition {
    /// As CONTRIBUTING.md calls it.
    pub kind: &'static str,
    pub files: &'static [(&'static str, &'static str)],
    pub lines: &'static [Lines],
}

/// Lines that come before the first line that is `before`, blanks at its beginning not counted.
pub struct Lines {
    pub file: &'static str,
    pub before: &'static str,
    pub lines: &'static str,
}

const fn lines(file: &'static str, before: &'static str, lines: &'static str) -> Lines {
    Lines { file, before, lines }
}

pub const BY_HAND: &[Addition] = &[
    Addition {
        kind: "store",
        files: &[("host/store/src/mirror.rs", include_str!("../../templates/additions/store.rs.in"))],
        lines: &[
            lines("host/store/src/lib.rs", "mod private;", "mod mirror;\n"),
            lines(
                "host/store/src/lib.rs",
                "pub use private::{create_private_folder, private_file};",
                "pub use mirror::MirrorStore;\n",
            ),
            lines(
                "host/cli/src/cli/home.rs",
                "// One more kind of store: `.register(\"SCHEME\", open)`.",
                "        .register(\"mirror\", |_| Ok(std::sync::Arc::new(millstream_store::MirrorStore::default())))\n",
            ),
            lines(
                "host/store/tests/conformance.rs",
                "#[test]",
                "#[test]\nfn mirror() {\n    conformance::run(millstream_store::MirrorStore::default);\n}\n\n",
            ),
        ],
    },
    Addition {
        kind: "queue",
        files: &[("host/queue/src/mirror.rs", include_str!("../../templates/additions/queue.rs.in"))],
        lines: &[
            lines("host/queue/src/lib.rs", "mod name;", "mod mirror;\n"),
            lines("host/queue/src/lib.rs", "pub use name::{", "pub use mirror::MirrorQueue;\n"),
            lines(
                "host/cli/src/cli/home.rs",
                "// One more kind of queue: `.register(\"SCHEME\", open)`.",
                "        .register(\"mirror\", |_, options| {\n            let clock = std::sync::Arc::new(millstream_queue::SystemClock);\n            \
                 Ok(std::sync::Arc::new(millstream_queue::MirrorQueue::new(clock, options)?))\n        })\n",
            ),
            lines(
                "host/queue/tests/conformance.rs",
                "#[test]",
                "struct Mirror {\n    clock: Arc<ManualClock>,\n    queue: millstream_queue::MirrorQueue,\n}\n\n\
                 impl Mirror {\n    fn new() -> Self {\n        let clock = Arc::new(ManualClock::default());\n        \
                 Self { queue: millstream_queue::MirrorQueue::new(clock.clone(), OPTIONS).unwrap(), clock }\n    }\n}\n\n\
                 impl Fixture for Mirror {\n    fn open(&self) -> Box<dyn Queue> {\n        Box::new(self.queue.clone())\n    }\n    \
                 fn pass(&self, time: Duration) {\n        self.clock.advance(time);\n    }\n}\n\n\
                 #[test]\nfn mirror() {\n    conformance::run(Mirror::new);\n}\n\n",
            ),
        ],
    },
    Addition {
        kind: "verb",
        files: &[("host/cli/src/commands/greet.rs", include_str!("../../templates/additions/verb.rs.in"))],
        lines: &[
            lines(
                "host/cli/src/cli.rs",
                "/// Print a completion script for a shell.",
                "    /// Greet somebody.\n    Greet { name: String },\n",
            ),
            lines("host/cli/src/commands/mod.rs", "mod import;", "mod greet;\n"),
            lines(
                "host/cli/src/commands/mod.rs",
                "Verb::Completions { shell } => completions::completions(shell),",
                "        Verb::Greet { name } => greet::greet(&name),\n",
            ),
        ],
    },
    Addition {
        kind: "route",
        files: &[("host/api/src/greet.rs", include_str!("../../templates/additions/route.rs.in"))],
        lines: &[
            lines("host/api/src/lib.rs", "mod health;", "mod greet;\n"),
            lines(
                "host/api/src/route/table.rs",
                "Metrics: Get [/ \"metrics\"] {",
                "    Greet: Get [/ \"v1\" / \"greetings\" / {name}] {\n        scope: Open,\n        endpoint: None,\n        \
                 errors: Shape::Problem,\n        traced: false,\n        handler: |_call| crate::greet::greet(name),\n        \
                 openapi: docs::manage::GREET,\n    }\n",
            ),
            lines(
                "host/api/src/openapi/operations/manage.rs",
                "pub const ENDPOINTS: Operation = Operation {",
                "pub const GREET: Operation = Operation {\n    tag: Tag::Manage,\n    summary: \"A greeting\",\n    parameters: &[],\n    \
                 body: None,\n    answers: &[Answer {\n        status: 200,\n        about: \"It.\",\n        headers: &[],\n        \
                 content: &[json_of(Component::Anything)],\n    }],\n};\n\n",
            ),
            lines("docs/http.md", "## Change endpoints", "`GET /v1/greetings/{name}` greets.\n\n"),
        ],
    },
    Addition {
        kind: "error code",
        files: &[("docs/errors/MS0900.md", include_str!("../../templates/additions/error.md.in"))],
        lines: &[lines(
            "workflow/errors/src/table.rs",
            "Usage = \"MS0901\", \"The command makes no sense here\";",
            "    GreetingLost = \"MS0900\", \"The greeting was not returned\";\n",
        )],
    },
];

/// Makes the addition below `root`. Returns the files that it touched.
pub fn add(root: &Path, addition: &Addition) -> anyhow::Result<BTreeSet<String>> {
    let mut touched = BTreeSet::new();
    for (path, text) in addition.files {
        ensure!(!root.join(path).exists(), "{path} is there already");
        fs::write(root.join(path), text)?;
        touched.insert(path.to_string());
    }
    for Lines { file, before, lines } in addition.lines {
        let text = fs::read_to_string(root.join(file)).with_context(|| format!("cannot read {file}"))?;
        let mut at = 0;
        let place = text.split_inclusive('\n').find_map(|line| {
            let here = at;
            at += line.len();
            (line.trim() == *before).then_some(here)
        });
        let place = place.with_context(|| format!("{}: {file} has no line `{before}`", addition.kind))?;
        fs::write(root.join(file), format!("{}{lines}{}", &text[..place], &text[place..]))?;
        touched.insert(file.to_string());
    }
    Ok(touched)
}

/// What CONTRIBUTING.md says that an addition touches: files, and folders with a slash at their end. `<name>` is `name`, or its
/// module.
pub fn promised(root: &Path, kind: &str, name: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let row = text.lines().find(|line| line.starts_with(&format!("| {kind} |")));
    let row = row.unwrap_or_else(|| panic!("CONTRIBUTING.md has no row `{kind}`"));
    let cells: Vec<&str> = row.split('|').collect();
    // What is left to be written afterwards stands in the last one.
    let paths = cells[2..4].iter().flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let paths = paths.filter(|path| path.contains('/'));
    paths.map(|path| path.replace("<name>", name).replace("<module>", &name.replace('-', "_"))).collect()
}
