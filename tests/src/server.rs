//! A server that was started here, and requests to it.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::Place;

/// `millstream serve`, until dropped.
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    agent: ureq::Agent,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The variant that answered.
    pub variant: Option<String>,
    /// Media type.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Fails the test, with what came, unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

impl Place {
    /// Starts a server on a free port, and waits until it listens.
    ///
    /// # Panics
    /// It does not start.
    pub fn serve(&self, arguments: &[&str]) -> Server {
        self.serve_with(arguments, &[])
    }

    /// The same with more environment variables.
    ///
    /// # Panics
    /// It does not start.
    pub fn serve_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Server {
        let mut command = self.command(&["serve", "--port", "0"]);
        command.args(arguments).envs(variables.iter().copied());
        Self::started(command)
    }

    /// Starts a server none of whose files may grow beyond `bytes`: writes fail half-way, as on a full disk.
    ///
    /// # Panics
    /// It does not start.
    #[cfg(unix)]
    pub fn serve_with_files_up_to(&self, bytes: u64, arguments: &[&str]) -> Server {
        use std::os::unix::process::CommandExt as _;

        let mut command = self.command(&["serve", "--port", "0"]);
        command.args(arguments);
        let limit = move || {
            let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
            // SAFETY: calls that take numbers and a pointer to what lives as long as they do.
            unsafe {
                libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
                match libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            }
        };
        // SAFETY: between fork and exec nothing is called but those.
        unsafe { command.pre_exec(limit) };
        Self::started(command)
    }

    fn started(mut command: Command) -> Server {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let (sender, listening) = mpsc::channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                eprintln!("server: {line}");
                if let Some((_, rest)) = line.split_once("://") {
                    let address = rest.split([';', ' ']).next().unwrap_or_default().to_owned();
                    // Nobody listens for later ones.
                    let _ = sender.send(address);
                }
            }
        });
        let address =
            listening.recv_timeout(Duration::from_secs(60)).expect("the server says where it listens");
        let server = Server { child, url: format!("http://{address}"), agent: agent() };
        crate::wait_until("the server is ready", Duration::from_secs(30), || {
            server.get("/ping").status == 200
        });
        server
    }
}

#[cfg(unix)]
impl Place {
    /// The same with so many files that the server may open, and no more.
    ///
    /// # Panics
    /// It does not start.
    pub fn serve_limited(&self, files: u64, arguments: &[&str]) -> Server {
        use std::os::unix::process::CommandExt as _;

        let mut command = self.command(&["serve", "--port", "0"]);
        command.args(arguments);
        let limit = move || {
            let limit = libc::rlimit { rlim_cur: files, rlim_max: files };
            // SAFETY: a call that takes a number and a pointer to what lives as long as it does.
            match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        };
        // SAFETY: between fork and exec nothing is called but setrlimit.
        unsafe { command.pre_exec(limit) };
        Self::started(command)
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .new_agent()
}

impl Server {
    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Asks it to end, and waits until it has. Its exit code.
    pub fn stop(mut self) -> Option<i32> {
        // SAFETY: a signal to a child that has not been waited for.
        unsafe { libc::kill(self.child.id() as i32, libc::SIGTERM) };
        self.child.wait().expect("it ends").code()
    }

    /// Bytes of memory that it has in use, as the system counts them.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap_or_default();
        status.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4096
    }

    /// GET.
    pub fn get(&self, path: &str) -> Reply {
        reply(self.agent.get(format!("{}{path}", self.url)).call())
    }

    /// POST with these headers.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reply(request.send(body))
    }

    /// A request to its buckets, of a server that looks at no signature.
    ///
    /// # Panics
    /// It can't be a request.
    pub fn s3(&self, method: &str, path: &str, body: &[u8]) -> Reply {
        self.s3_with(method, path, &[], body)
    }

    /// The same with these headers.
    ///
    /// # Panics
    /// It can't be a request.
    pub fn s3_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let signed = "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in [("authorization", signed)].iter().chain(headers) {
            request = request.header(*name, *value);
        }
        let request = request.body(body).expect("it is a request");
        let request = self.agent.configure_request(request).allow_non_standard_methods(true).build();
        reply(self.agent.run(request))
    }

    /// Rows of CSV to an endpoint, by SageMaker's route.
    pub fn invoke(&self, endpoint: &str, rows: &str) -> Reply {
        self.invoke_with(endpoint, rows, &[])
    }

    /// The same with more headers.
    pub fn invoke_with(&self, endpoint: &str, rows: &str, more: &[(&str, &str)]) -> Reply {
        let mut headers = vec![("content-type", "text/csv")];
        headers.extend_from_slice(more);
        self.post(&format!("/endpoints/{endpoint}/invocations"), &headers, rows.as_bytes())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came; status 0 if nothing did.
fn reply(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Reply {
    let header = |answer: &ureq::http::Response<ureq::Body>, name: &str| {
        answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    match answer {
        Ok(mut answer) => Reply {
            status: answer.status().as_u16(),
            variant: header(&answer, "x-amzn-invoked-production-variant"),
            content_type: header(&answer, "content-type").unwrap_or_default(),
            body: answer.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap_or_default(),
        },
        Err(error) => Reply {
            status: 0,
            variant: None,
            content_type: String::new(),
            body: error.to_string().into_bytes(),
        },
    }
}
