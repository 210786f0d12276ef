//! A Runtime API of our own, the bootstrap under it, and what Lambda does around: it hands out events, records the answers, feeds a
//! queue's messages in as an SQS event source does, and takes back what was not dealt with.

mod http;
mod package;

use std::{
    collections::{HashMap, VecDeque},
    env,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use millstream_queue::{Delivery, Queue, QueueOptions, SqliteQueue};
use serde_json::{Value, json};

use crate::Place;
pub use package::{Package, of_store};

/// The bootstrap: `MILLSTREAM_LAMBDA_BIN`, or the one beside the tests.
///
/// # Panics
/// There is none.
pub fn bootstrap() -> PathBuf {
    let beside = || crate::binary().with_file_name("millstream-lambda");
    let path = env::var_os("MILLSTREAM_LAMBDA_BIN").map_or_else(beside, PathBuf::from);
    assert!(path.is_file(), "no bootstrap at {}: run `cargo xtask build`", path.display());
    path
}

/// An execution environment: the bootstrap, started, and its Runtime API. Killed when dropped.
pub struct Environment {
    child: Child,
    api: Arc<Api>,
    address: SocketAddr,
}

/// What the Runtime API has and was told.
#[derive(Default)]
struct Api {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    events: VecDeque<(String, Vec<u8>, SystemTime)>,
    answers: HashMap<String, Answer>,
    /// How often the bootstrap asked for an event.
    asked: usize,
    invocations: usize,
}

/// What became of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The function answered.
    Done {
        /// With this.
        body: Vec<u8>,
        /// In pieces.
        streamed: bool,
    },
    /// It said that it failed.
    Failed(String),
    /// Its process ended.
    Gone,
}

impl Answer {
    /// The answer as JSON.
    ///
    /// # Panics
    /// There is none, or it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        match self {
            Self::Done { body, .. } => serde_json::from_slice(body).expect("an answer is JSON"),
            other => panic!("no answer: {other:?}"),
        }
    }
}

/// Longest wait for an answer.
const LONGEST: Duration = Duration::from_secs(120);

impl Environment {
    /// Starts the bootstrap as a function of this role in the home of `place`, with more environment variables.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(place: &Place, package: &Package, role: &str, variables: &[(&str, &str)]) -> Self {
        Self::start_command(Command::new(bootstrap()), place, package, role, variables)
    }

    /// The same by another command, such as an emulator of its processor.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start_command(
        mut command: Command,
        place: &Place,
        package: &Package,
        role: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let api = Arc::new(Api::default());
        let address = api.clone().listen();
        let home = place.path().join(".millstream");
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "millstream-test")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769")
            .env("MILLSTREAM_ROLE", role)
            .env("MILLSTREAM_STORE", format!("file:{}", home.join("store").display()))
            .env("MILLSTREAM_QUEUE", format!("sqlite:{}", home.join("queue").display()))
            .env("MILLSTREAM_COMPONENTS", package.folder())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let child = command.spawn().expect("the bootstrap starts");
        Self { child, api, address }
    }

    /// Waits until the bootstrap has asked for its first event.
    ///
    /// # Panics
    /// It ended, or did not ask in time.
    pub fn ready(&mut self) {
        let began = Instant::now();
        loop {
            let state = self.api.lock();
            let (state, _) = self
                .api
                .changed
                .wait_timeout_while(state, Duration::from_millis(20), |state| state.asked == 0)
                .unwrap_or_else(PoisonError::into_inner);
            if state.asked > 0 {
                return;
            }
            drop(state);
            assert!(self.ended().is_none(), "the bootstrap ended: {:?}", self.ended());
            assert!(began.elapsed() < LONGEST, "the bootstrap asks for no event");
        }
    }

    /// The process's end, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }

    /// Sends an event, and waits for what becomes of it. `time` is what the function has.
    ///
    /// # Panics
    /// Nothing became of it in time.
    pub fn invoke(&mut self, event: &Value, time: Duration) -> Answer {
        self.invoke_bytes(event.to_string().into_bytes(), time)
    }

    /// The same with an event as it is.
    ///
    /// # Panics
    /// Nothing became of it in time.
    pub fn invoke_bytes(&mut self, event: Vec<u8>, time: Duration) -> Answer {
        let id = self.begin(event, time);
        let began = Instant::now();
        loop {
            let state = self.api.lock();
            let (mut state, _) = self
                .api
                .changed
                .wait_timeout(state, Duration::from_millis(20))
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(answer) = state.answers.remove(&id) {
                return answer;
            }
            drop(state);
            if self.ended().is_some() {
                // Its last words may have come meanwhile.
                return self.api.lock().answers.remove(&id).unwrap_or(Answer::Gone);
            }
            assert!(began.elapsed() < LONGEST, "no answer");
        }
    }

    /// Sends an event and does not wait.
    pub fn begin(&mut self, event: Vec<u8>, time: Duration) -> String {
        let mut state = self.api.lock();
        state.invocations += 1;
        let id = format!("invocation-{}", state.invocations);
        state.events.push_back((id.clone(), event, SystemTime::now() + time));
        drop(state);
        self.api.changed.notify_all();
        id
    }

    /// Ends it as the machine's end would: `kill -9`.
    ///
    /// # Panics
    /// It cannot be killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Ends the thread that listens.
        self.api.lock().asked = usize::MAX;
        let _ = std::net::TcpStream::connect(self.address);
    }
}

impl Api {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(self: Arc<Self>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if self.lock().asked == usize::MAX {
                    return;
                }
                let api = self.clone();
                thread::spawn(move || http::serve(stream, |request| api.answer(request)));
            }
        });
        address
    }

    fn answer(&self, request: http::Request) -> http::Response {
        let path = request.path.strip_prefix("/2018-06-01/runtime/").unwrap_or_default();
        match path.split('/').collect::<Vec<_>>()[..] {
            ["invocation", "next"] => self.next(),
            ["invocation", id, "response"] => {
                let streamed = request.header("lambda-runtime-function-response-mode") == Some("streaming");
                self.told(id, Answer::Done { body: request.body, streamed })
            }
            ["invocation", id, "error"] => {
                self.told(id, Answer::Failed(String::from_utf8_lossy(&request.body).into_owned()))
            }
            _ => http::Response::new(404),
        }
    }

    fn next(&self) -> http::Response {
        let mut state = self.lock();
        state.asked += 1;
        self.changed.notify_all();
        loop {
            if let Some((id, event, deadline)) = state.events.pop_front() {
                let deadline = deadline.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
                return http::Response::new(200)
                    .header("lambda-runtime-aws-request-id", &id)
                    .header("lambda-runtime-deadline-ms", &deadline.to_string())
                    .header(
                        "lambda-runtime-invoked-function-arn",
                        "arn:aws:lambda:eu-west-1:123456789012:function:t",
                    )
                    .body(event);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn told(&self, id: &str, answer: Answer) -> http::Response {
        self.lock().answers.insert(id.to_owned(), answer);
        self.changed.notify_all();
        http::Response::new(202)
    }
}

/// An SQS event source: takes messages of a queue of the home, and feeds them in.
pub struct Source {
    queue: SqliteQueue,
    name: String,
}

impl Source {
    /// Of the queue `name`, such as `tasks-small`.
    ///
    /// # Panics
    /// The home's queue cannot be opened.
    pub fn new(place: &Place, name: &str) -> Self {
        let options = QueueOptions { max_receive_count: 20 };
        let folder = place.path().join(".millstream/queue");
        let queue = SqliteQueue::open(&folder, options).expect("the queue opens");
        Self { queue, name: name.to_owned() }
    }

    /// Messages that are there, at most `most`; waits half a second for the first.
    ///
    /// # Panics
    /// The queue fails.
    pub fn take(&self, most: usize) -> Vec<Delivery> {
        let visibility = Duration::from_secs(600);
        self.queue.receive(&self.name, most, Duration::from_millis(500), visibility).expect("the queue works")
    }

    /// The event of these messages.
    pub fn event(&self, deliveries: &[Delivery]) -> Value {
        let records: Vec<Value> = deliveries.iter().map(|delivery| record(&self.name, delivery)).collect();
        json!({ "Records": records })
    }

    /// Does what Lambda does with an answer: deletes what was dealt with. Gives the ids that come again.
    ///
    /// # Panics
    /// The queue fails.
    pub fn settle(&self, deliveries: &[Delivery], answer: &Answer) -> Vec<String> {
        let failed: Vec<String> = match answer {
            Answer::Done { .. } => {
                let failures = answer.json()["batchItemFailures"].as_array().expect("failures").clone();
                let id = |one: Value| one["itemIdentifier"].as_str().expect("an id").to_owned();
                failures.into_iter().map(id).collect()
            }
            Answer::Failed(_) | Answer::Gone => deliveries.iter().map(|one| one.id.0.clone()).collect(),
        };
        for delivery in deliveries.iter().filter(|one| !failed.contains(&one.id.0)) {
            self.queue.delete(&delivery.receipt).expect("the queue works");
        }
        failed
    }

    /// Makes messages visible at once, as their time-out would later. Some may be deleted, or visible already.
    pub fn time_out(&self, deliveries: &[Delivery]) {
        for delivery in deliveries {
            let _ = self.queue.extend(&delivery.receipt, Duration::ZERO);
        }
    }

    /// The queue.
    pub fn queue(&self) -> &SqliteQueue {
        &self.queue
    }
}

fn record(queue: &str, delivery: &Delivery) -> Value {
    let sent = delivery.sent_at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    json!({
        "messageId": delivery.id.0,
        "receiptHandle": delivery.receipt.handle,
        "body": delivery.body,
        "attributes": {
            "ApproximateReceiveCount": delivery.receive_count.to_string(),
            "SentTimestamp": sent.to_string(),
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": sent.to_string(),
        },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:eu-west-1:123456789012:{queue}"),
        "awsRegion": "eu-west-1",
    })
}
