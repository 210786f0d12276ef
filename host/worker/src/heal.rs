//! Inputs are checked before a job reads them, and what is damaged or gone is made again where it can be.
//!
//! A function gives the same bytes for the same inputs, so that whatever a step of this run has made can be made once more: the
//! step's task runs again, and the store replaces the file that its name does not fit. A source is read again, and is whole
//! again if the file outside has not changed. Completions and cache entries stay as they are.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use millstream_core::{
    artifact::{Artifact, Digest, Parts, Pipeline},
    completion::{Outcome, Results},
    failure::Failure,
    layout,
    quantity::Size,
    task::Task,
};
use millstream_engine::{Event, Job, Level};
use millstream_plan::Plan;
use millstream_state::{Callee, Input, Objects as _, ResolvedTask, Run};
use millstream_store::{Artifacts, Error, ErrorKind, Going, Identity};

use crate::{
    bounds::Bounds,
    failpoint::reached,
    pipeline,
    records::Records,
    sources,
    task::{Tasks, host_failure},
};

/// Names the setting: larger parts are not checked.
pub const VERIFY_UP_TO: &str = "MILLSTREAM_VERIFY_UP_TO";

/// A model artifact lists a pipeline's stages; it is small.
const MAX_PIPELINE: u64 = 16 << 20;

/// How many pipelines are remembered before all are forgotten.
const REMEMBERED_PIPELINES: usize = 1000;

/// How long a chain of makers may be that all have to run again.
const MAX_DEPTH: usize = 64;

/// Artifacts that were found sound, and what their files were then.
pub type Sound = BTreeMap<Digest, Identity>;

/// An artifact that a task reads.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// For people: `table/rows.arrow`.
    pub place: String,
    /// Which.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    is_model: bool,
}

/// What a check came to.
#[derive(Debug, Default)]
pub struct Checked {
    pub sound: Sound,
    /// Damaged or gone, and how that showed.
    pub broken: Vec<(Wanted, Error)>,
    /// Larger than the setting allows: taken as they are.
    pub unchecked: Vec<Wanted>,
}

/// What is read by a job that has these inputs; also what results are made of.
pub fn wanted<'a>(channels: impl IntoIterator<Item = (&'a String, &'a Parts)>) -> Vec<Wanted> {
    let of = |(channel, parts): (&String, &'a Parts)| {
        let channel = channel.clone();
        parts.parts.iter().map(move |part: &Artifact| Wanted {
            place: format!("{channel}/{}", part.name),
            digest: part.digest,
            size: part.size,
            is_model: part.media_type == Pipeline::MEDIA_TYPE,
        })
    };
    channels.into_iter().flat_map(of).collect()
}

/// Checks artifacts, and the states of the models among them. What this process knows costs a look at the file; the rest is
/// hashed, within `bounds`.
///
/// # Errors
/// What the store met, other than damage; `Cancelled`, `Limit` of time.
pub fn check(artifacts: &Artifacts, wanted: Vec<Wanted>, bounds: &Bounds) -> Result<Checked, Failure> {
    let up_to = verify_up_to()?;
    // Nothing to read: no thread is worth it.
    let known: Option<Vec<Sound>> = wanted.iter().map(|one| one.known(artifacts)).collect();
    if let Some(known) = known {
        let sound = known.into_iter().flatten().collect();
        return Ok(Checked { sound, ..Checked::default() });
    }
    let artifacts = artifacts.clone();
    let checked = bounds.within("checking its inputs", move |going| {
        let mut checked = Checked::default();
        for one in wanted {
            one.check(&artifacts, up_to, going, &mut checked)?;
        }
        Ok::<_, Error>(checked)
    })?;
    checked.map_err(|error| host_failure(&error))
}

impl Wanted {
    /// It, and the states of a model, if this process knows all of them to be sound.
    fn known(&self, artifacts: &Artifacts) -> Option<Sound> {
        let mut digests = vec![self.digest];
        if self.is_model {
            digests.extend(known_pipelines().get(&self.digest)?.stages.iter().map(|stage| stage.state));
        }
        digests.into_iter().map(|digest| Some((digest, artifacts.known_sound(&digest)?))).collect()
    }

    fn check(
        self,
        artifacts: &Artifacts,
        up_to: u64,
        going: Going<'_>,
        checked: &mut Checked,
    ) -> Result<(), Error> {
        if self.size > up_to {
            checked.unchecked.push(self);
            return Ok(());
        }
        match artifacts.ensure_while(&self.digest, going) {
            Ok(identity) => checked.sound.extend(identity.map(|identity| (self.digest, identity))),
            Err(error) if is_broken(&error) => {
                checked.broken.push((self, error));
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        if !self.is_model {
            return Ok(());
        }
        // A function is put back by whoever adds it; the states are this model's own.
        for stage in pipeline_of(artifacts, &self.digest).unwrap_or_default().stages {
            let place = format!("{} (the state of stage `{} {}`)", self.place, stage.name, stage.version);
            let state = Self { place, digest: stage.state, size: stage.size, is_model: false };
            state.check(artifacts, up_to, going, checked)?;
        }
        Ok(())
    }
}

/// Damaged or gone, and not merely out of reach.
fn is_broken(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound)
}

/// None if it is no pipeline, or cannot be read: whoever reads it as one says so.
fn pipeline_of(artifacts: &Artifacts, digest: &Digest) -> Option<Pipeline> {
    if let Some(known) = known_pipelines().get(digest) {
        return Some(known.clone());
    }
    let bytes = artifacts.read_verified(digest, MAX_PIPELINE).ok()?;
    let pipeline: Pipeline = serde_json::from_slice(&bytes).ok()?;
    let mut known = known_pipelines();
    if known.len() >= REMEMBERED_PIPELINES {
        known.clear();
    }
    known.insert(*digest, pipeline.clone());
    Some(pipeline)
}

/// Pipelines that this process has read. Their digests name them for good.
fn known_pipelines() -> MutexGuard<'static, HashMap<Digest, Pipeline>> {
    static KNOWN: OnceLock<Mutex<HashMap<Digest, Pipeline>>> = OnceLock::new();
    KNOWN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// The setting; without it everything is checked.
fn verify_up_to() -> Result<u64, Failure> {
    match std::env::var(VERIFY_UP_TO) {
        Ok(text) if !text.is_empty() => Size::parse(&text).map(|size| size.0).ok_or_else(|| Failure::Host {
            message: format!("{VERIFY_UP_TO} is a size such as 16GiB, not {text:?}"),
        }),
        _ => Ok(u64::MAX),
    }
}

/// Says something about the task, for people.
type Say<'a> = &'a mut dyn FnMut(Event);

/// Makes what is broken whole again.
pub struct Healer<'a> {
    pub tasks: &'a Tasks,
    pub plan: &'a Plan,
    pub run: &'a Run<'a, Records>,
    pub bounds: &'a Bounds,
}

impl Healer<'_> {
    /// The inputs of a task, all of them sound.
    ///
    /// # Errors
    /// One is damaged or gone and cannot be made again; what the store met; `Cancelled`, `Limit` of time.
    pub fn inputs(
        &self,
        task: &ResolvedTask,
        inputs: &BTreeMap<String, Parts>,
        say: Say<'_>,
    ) -> Result<Sound, Failure> {
        self.sound(task, inputs, say, &mut BTreeSet::new())
    }

    fn sound(
        &self,
        task: &ResolvedTask,
        inputs: &BTreeMap<String, Parts>,
        say: Say<'_>,
        tried: &mut BTreeSet<Digest>,
    ) -> Result<Sound, Failure> {
        loop {
            let checked = check(self.tasks.artifacts(), wanted(inputs), self.bounds)?;
            let Some((broken, how)) = checked.broken.into_iter().next() else {
                for one in checked.unchecked {
                    let message = format!(
                        "input {} was not checked: it is larger than {VERIFY_UP_TO} allows",
                        one.place
                    );
                    say(Event::Log { level: Level::Info, message });
                }
                return Ok(checked.sound);
            };
            let hopeless = !tried.insert(broken.digest) || tried.len() > MAX_DEPTH;
            let made = if hopeless { None } else { self.make_again(task, &broken, say, tried)? };
            let Some(maker) = made else { return Err(lost(&broken, &how, self.plan)) };
            reached("healed");
            let message = format!("input {} was damaged ({how}); {maker}", broken.place);
            say(Event::Log { level: Level::Warn, message });
        }
    }

    /// Says what was done; none if nobody is known who could make it.
    fn make_again(
        &self,
        task: &ResolvedTask,
        broken: &Wanted,
        say: Say<'_>,
        tried: &mut BTreeSet<Digest>,
    ) -> Result<Option<String>, Failure> {
        if let Some(source) = self.source_of(task, &broken.digest) {
            reached("healing");
            sources::take(self.tasks.home(), self.plan, &source, self.bounds)?;
            let whole = self.is_whole(&broken.digest)?;
            return Ok(whole.then(|| format!("{source} was read again")));
        }
        let Some(maker) = self.maker_of(&broken.digest)? else { return Ok(None) };
        let host = |error: &dyn std::fmt::Display| Failure::Host { message: error.to_string() };
        let Some(resolved) = self.run.again(&maker).map_err(|error| host(&error))? else { return Ok(None) };
        let Callee::Function { digest, name, .. } = &resolved.callee else { return Ok(None) };
        let inputs = resolved.parts(|source| sources::of_run(self.plan, source))?;
        let sound = self.sound(&resolved, &inputs, say, tried)?;
        reached("healing");
        let job =
            Job { sound: texts(&sound), ..self.tasks.job(&resolved, *digest, &inputs, self.bounds.left()) };
        let done = self.tasks.execute_job(&job, self.bounds.cancel(), &mut |_| ())?;
        let manifest = &self
            .plan
            .functions
            .get(name)
            .ok_or_else(|| host(&format!("the plan does not describe `{name}`")))?
            .manifest;
        pipeline::outputs(self.tasks.artifacts(), manifest, digest, &inputs, done)?;
        let whole = self.is_whole(&broken.digest)?;
        let single = self.plan.steps.get(&maker.step).is_none_or(|step| step.is_single());
        let who = if single { maker.step.clone() } else { maker.to_string() };
        Ok(whole.then(|| format!("step `{who}` has made it again")))
    }

    /// Whether an artifact is sound now. A store that is out of reach says nothing about that.
    fn is_whole(&self, digest: &Digest) -> Result<bool, Failure> {
        match self.tasks.artifacts().ensure(digest) {
            Ok(_) => Ok(true),
            Err(error) if is_broken(&error) => Ok(false),
            Err(error) => Err(host_failure(&error)),
        }
    }

    /// The source among a task's inputs that the artifact was read from.
    fn source_of(&self, task: &ResolvedTask, digest: &Digest) -> Option<String> {
        for input in task.inputs.values().flatten() {
            let Input::Source(source) = input else { continue };
            let parts = sources::of_run(self.plan, source).unwrap_or_default();
            if parts.parts.iter().any(|part| part.digest == *digest) {
                return Some(source.clone());
            }
        }
        None
    }

    /// The task of this run that put it out, as a part or as the state of its own stage.
    fn maker_of(&self, digest: &Digest) -> Result<Option<Task>, Failure> {
        let done = layout::all_done(&self.plan.run, None);
        for key in self.run.objects.list(&done).map_err(|error| host_failure(&error))? {
            let Some((step, number)) = layout::step_and_task(&key) else { continue };
            let Some(step_plan) = self.plan.steps.get(step) else { continue };
            let by_function = step_plan
                .variant(number)
                .is_some_and(|variant| self.plan.functions.contains_key(&variant.uses));
            if step_plan.adopted || !by_function {
                continue;
            }
            let task = Task { step: step.to_owned(), task: number };
            let completion =
                self.run.completion(&task).map_err(|error| Failure::Host { message: error.to_string() })?;
            if let Some(Outcome::Done(results)) = completion.map(|completion| completion.outcome)
                && self.has_made(&results, digest)
            {
                return Ok(Some(task));
            }
        }
        Ok(None)
    }

    fn has_made(&self, results: &Results, digest: &Digest) -> bool {
        results.outputs.values().flat_map(|parts| &parts.parts).any(|part| {
            let own_state = || {
                let pipeline = pipeline_of(self.tasks.artifacts(), &part.digest)?;
                pipeline.stages.last().map(|stage| stage.state)
            };
            part.digest == *digest || part.media_type == Pipeline::MEDIA_TYPE && own_state() == Some(*digest)
        })
    }
}

/// As a job carries it.
pub fn texts(sound: &Sound) -> BTreeMap<Digest, String> {
    sound.iter().map(|(digest, identity)| (*digest, identity.as_str().to_owned())).collect()
}

/// It cannot be made again by this run.
fn lost(broken: &Wanted, how: &Error, plan: &Plan) -> Failure {
    let (channel, part) = broken.place.split_once('/').unwrap_or(("", &broken.place));
    let gone = if how.kind() == ErrorKind::NotFound { "is gone from the store" } else { "is damaged" };
    Failure::InvalidInput {
        message: format!(
            "artifact {} {gone}, and this run cannot make it again (its source has changed, or another run has made it); run \
             workflow `{}` again, or the one that made it, and `millstream doctor --verify` shows what else is damaged",
            broken.digest.short(),
            plan.workflow
        ),
        channel: Some(channel.to_owned()),
        part: Some(part.to_owned()),
        row: None,
        column: None,
    }
}
