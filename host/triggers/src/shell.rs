//! What a server does so that triggers work by themselves: a clock, watched folders, queues, and workflows pushed from a folder.

mod files;
mod folders;
mod pushed;
mod queues;

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use millstream_language::{
    Functions,
    triggers::{Kind, Trigger},
};

use crate::{Error, Triggers, matching};

use self::{folders::Folder, pushed::PushedFolder, queues::Consumers};

/// How a server looks after triggers.
pub struct Options {
    /// The folder whose workflows are pushed when they change.
    pub workflows: Option<PathBuf>,
    /// Checks workflows that are pushed.
    pub functions: Arc<dyn Functions + Send + Sync>,
    /// Who pushes them.
    pub who: String,
    /// Tells people what works and what does not.
    pub say: Arc<dyn Fn(&str) + Send + Sync>,
}

/// Threads that look after triggers, until dropped.
pub struct Shell {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

/// Wakes the thread to its end.
#[derive(Default)]
struct Stop {
    stopped: AtomicBool,
    lock: Mutex<()>,
    wake: Condvar,
}

/// Between two looks at workflows, folders and files.
const LOOK: Duration = Duration::from_millis(250);
/// The same for what needs the store, where each look costs.
const DEAR_LOOK: Duration = Duration::from_secs(5);
/// Between two looks at what others have left, in looks at the store.
const RECOVER: Duration = Duration::from_secs(5);
const DEAR_RECOVER: Duration = Duration::from_secs(60);
/// Between two looks at alarms.
const ALARMS: Duration = Duration::from_secs(1);
const DEAR_ALARMS: Duration = Duration::from_secs(30);
/// Between two removals of events that nobody needs to remember.
const EXPIRE: Duration = Duration::from_secs(6 * 3600);

impl Shell {
    /// Starts to look after triggers. Workflows of the folder that have changed are pushed before this returns.
    ///
    /// # Errors
    /// The folder of workflows cannot be watched, or the system has no room for a thread.
    pub fn start(triggers: Triggers, settings: Options) -> Result<Self, Error> {
        let pushed = match &settings.workflows {
            Some(folder) => Some(PushedFolder::start(&triggers, folder, &settings)?),
            None => None,
        };
        let stop = Arc::new(Stop::default());
        let own = stop.clone();
        let mut keeper = Keeper {
            triggers,
            settings,
            pushed,
            folders: HashMap::new(),
            consumers: Consumers::default(),
            said: HashMap::new(),
        };
        let spawn = thread::Builder::new().name("triggers".to_owned());
        let thread = spawn.spawn(move || keeper.run(&own)).map_err(|error: io::Error| {
            Error::Unfit(format!("triggers do not work here: no room for a thread: {error}"))
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.stop.stopped.store(true, Ordering::SeqCst);
        drop(self.stop.lock.lock().unwrap_or_else(PoisonError::into_inner));
        self.stop.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Stop {
    /// Waits; false when the end has come.
    fn wait(&self, time: Duration) -> bool {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.stopped.load(Ordering::SeqCst) {
            drop(self.wake.wait_timeout(lock, time));
        }
        !self.stopped.load(Ordering::SeqCst)
    }
}

/// What the thread has.
struct Keeper {
    triggers: Triggers,
    settings: Options,
    pushed: Option<PushedFolder>,
    folders: HashMap<String, Folder>,
    consumers: Consumers,
    /// What was said of each trigger: it is not said again as long as it stays so.
    said: HashMap<String, String>,
}

/// When something is to be done next.
struct Due(Instant, Duration);

impl Due {
    fn new(every: Duration) -> Self {
        Self(Instant::now(), every)
    }

    fn come(&mut self) -> bool {
        let now = Instant::now();
        let come = now >= self.0;
        if come {
            self.0 = now + self.1;
        }
        come
    }
}

impl Keeper {
    fn run(&mut self, stop: &Stop) {
        let metered = self.triggers.0.home.store().looks().metered;
        let either = |near, dear| if metered { dear } else { near };
        let mut look = Due::new(either(LOOK, DEAR_LOOK));
        let mut recover = Due::new(either(RECOVER, DEAR_RECOVER));
        let mut alarms = Due::new(either(ALARMS, DEAR_ALARMS));
        let mut expire = Due::new(EXPIRE);
        loop {
            if let Some(pushed) = &mut self.pushed {
                pushed.look(&self.triggers, &self.settings);
            }
            if look.come() {
                self.try_to("start what is due", |keeper| keeper.triggers.tick().map(drop));
                self.try_to("look after folders and queues", Self::follow);
            }
            if alarms.come() {
                self.try_to("look for alarms", |keeper| keeper.triggers.look_for_alarms().map(drop));
            }
            if recover.come() {
                self.try_to("go on with what others have left", |keeper| keeper.triggers.recover().map(drop));
            }
            if expire.come() {
                self.try_to("forget old events", |keeper| keeper.triggers.expire().map(drop));
            }
            for folder in self.folders.values_mut() {
                folder.look(&self.triggers);
            }
            if !stop.wait(LOOK) {
                return;
            }
        }
    }

    fn try_to(&mut self, what: &str, act: impl FnOnce(&mut Self) -> Result<(), Error>) {
        if let Err(error) = act(self) {
            tracing::warn!(%error, "cannot {what} now; it is tried again");
        }
    }

    /// Watches the folders and queues that the newest versions name, and no others.
    fn follow(&mut self) -> Result<(), Error> {
        let all = self.triggers.0.catalog.all(&self.triggers.0.home)?;
        let triggers: Vec<(String, Trigger)> = all
            .iter()
            .flat_map(|loaded| loaded.on.iter().map(|trigger| (loaded.name().to_owned(), trigger.clone())))
            .collect();
        let mut wanted: HashMap<String, Vec<(String, Trigger)>> = HashMap::new();
        let mut queues = Vec::new();
        for (workflow, trigger) in &triggers {
            match &trigger.kind {
                Kind::ObjectCreated(object) => {
                    if let Some(folder) = object.bucket.as_deref().and_then(matching::folder) {
                        wanted.entry(folder).or_default().push((workflow.clone(), trigger.clone()));
                    }
                }
                Kind::Queue(queue) => {
                    queues.push((queue.name.clone(), workflow.clone(), trigger.name.clone()))
                }
                Kind::Http(http) => {
                    let missing = http.secret.as_ref().filter(|name| std::env::var_os(name).is_none());
                    let name = format!("{workflow}/{}", trigger.name);
                    match missing {
                        Some(variable) => self.complain(
                            name,
                            format!(
                                "its secret is in {variable}, which is not set here: requests are refused"
                            ),
                        ),
                        None => drop(self.said.remove(&name)),
                    }
                }
                _ => {}
            }
        }
        self.folders.retain(|folder, _| wanted.contains_key(folder));
        for (path, of) in wanted {
            if let Some(folder) = self.folders.get_mut(&path) {
                folder.serve(of, &self.triggers);
                continue;
            }
            match Folder::watch(&path) {
                Ok(mut folder) => {
                    (self.settings.say)(&format!("Watching {path} for new files"));
                    self.said.remove(&path);
                    folder.serve(of, &self.triggers);
                    self.folders.insert(path, folder);
                }
                Err(why) => {
                    self.complain(path.clone(), format!("cannot watch {path}: {why}; it is tried again"))
                }
            }
        }
        self.consumers.follow(&self.triggers, queues);
        Ok(())
    }

    fn complain(&mut self, of: String, what: String) {
        if self.said.get(&of) != Some(&what) {
            (self.settings.say)(&format!("warning: {of}: {what}"));
            self.said.insert(of, what);
        }
    }
}
