//! Models that tests serve.

use crate::Place;

impl Place {
    /// A place with versions of a model that answers with the rows that it gets: `echo@1` echoes, `echo@2` does what the rows
    /// say (trap, loop, refuse), `echo@3` always traps.
    ///
    /// # Panics
    /// They can't be made.
    pub fn with_echo() -> Self {
        let place = Self::new().with_test_functions(&["faulty"]);
        place.write("input.txt", "x\n");
        for state in ["echo", "marked", "trap"] {
            let workflow = format!(
                r#"
name: echo
steps:
  fit: {{ uses: faulty, inputs: {{ table: ./input.txt }}, with: {{ mode: fit, state: {state} }} }}
  register: {{ uses: register, inputs: {{ model: "${{{{ steps.fit.outputs.state }}}}" }}, with: {{ name: echo }} }}
"#
            );
            place.write("w.yaml", workflow);
            place.run(&["run", "w.yaml"]).expect(0);
        }
        place
    }

    /// Deploys to endpoint `e`.
    ///
    /// # Panics
    /// It is refused.
    pub fn deploy(&self, arguments: &[&str]) {
        self.run(&[&["deploy", "e"], arguments].concat()).expect(0);
    }

    /// Trains a model on a sample, registers it under `name` and deploys it to an endpoint of that name. `steps` are the
    /// workflow's steps between `extract` and `register`; the last one is `train`.
    ///
    /// # Panics
    /// It fails.
    pub fn deploy_sample(&self, name: &str, sample: &str, steps: &str) {
        self.run(&["samples", "data"]).expect(0);
        let workflow = format!(
            r#"
name: {name}
steps:
  extract: {{ uses: extract, inputs: {{ source: data/{sample}.csv }} }}
{steps}
  register: {{ uses: register, inputs: {{ model: "${{{{ steps.train.outputs.model }}}}" }}, with: {{ name: {name} }} }}
"#
        );
        self.write("w.yaml", workflow);
        self.run(&["run", "w.yaml"]).expect(0);
        self.run(&["deploy", name, "--model", name]).expect(0);
    }
}
