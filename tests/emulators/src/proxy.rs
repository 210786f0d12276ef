//! A network that is not to be relied upon: between a client and an emulator, with faults on demand.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// A request on its way.
#[derive(Clone, Debug)]
pub struct Request {
    /// `PUT`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As it came, chunks and all.
    pub body: Vec<u8>,
}

impl Request {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The operation, for services that name it in a header (SQS): `SendMessageBatch`.
    pub fn operation(&self) -> &str {
        self.header("x-amz-target").and_then(|target| target.rsplit_once('.')).map_or("", |(_, name)| name)
    }
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// It goes its way.
    Pass,
    /// It is answered here, and nobody else sees it.
    Answer {
        /// HTTP status.
        status: u16,
        /// Beside the length.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: String,
    },
    /// Its answer breaks off after that many bytes of the body.
    Cut(usize),
    /// It takes effect, and its answer is lost.
    LoseAnswer,
    /// It gets nowhere.
    Lose,
    /// It takes effect twice; the second answer is the one that comes.
    Twice,
}

impl Act {
    /// An error of S3.
    pub fn s3(status: u16, code: &str, message: &str) -> Self {
        let body =
            format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
        Self::Answer { status, headers: vec![("content-type", "application/xml".to_owned())], body }
    }

    /// An error of SQS.
    pub fn sqs(status: u16, code: &str, message: &str) -> Self {
        let body = format!("{{\"__type\":\"com.amazonaws.sqs#{code}\",\"message\":\"{message}\"}}");
        let headers = vec![
            ("content-type", "application/x-amz-json-1.0".to_owned()),
            ("x-amzn-query-error", format!("{code};Sender")),
        ];
        Self::Answer { status, headers, body }
    }
}

type Rule = Arc<dyn Fn(&Request, usize) -> Act + Send + Sync>;

/// Listens until dropped.
pub struct Proxy {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
    ended: Arc<AtomicBool>,
}

impl Proxy {
    /// Between whoever asks it and `upstream`. `rule` says what becomes of each request; it gets its number, from 0, too.
    ///
    /// # Panics
    /// There is no free port.
    pub fn start(
        upstream: SocketAddr,
        rule: impl Fn(&Request, usize) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (seen, ended) = (Arc::<Mutex<Vec<Request>>>::default(), Arc::<AtomicBool>::default());
        let (rule, number): (Rule, Arc<AtomicUsize>) = (Arc::new(rule), Arc::default());
        let (log, end) = (seen.clone(), ended.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let (rule, log, number) = (rule.clone(), log.clone(), number.clone());
                // A connection that breaks is what the test wants, or sees.
                thread::spawn(move || drop(serve(client, upstream, &rule, &log, &number)));
            }
        });
        Self { address, seen, ended }
    }

    /// Its endpoint.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came so far.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many came so far that are such.
    pub fn count(&self, such: impl Fn(&Request) -> bool) -> usize {
        self.seen().iter().filter(|request| such(request)).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Whoever waits for a connection notices.
        let _ = TcpStream::connect(self.address);
    }
}

/// One request for each connection: the answer says so.
fn serve(
    mut client: TcpStream,
    upstream: SocketAddr,
    rule: &Rule,
    log: &Mutex<Vec<Request>>,
    number: &AtomicUsize,
) -> io::Result<()> {
    let request = read_request(&mut client)?;
    log.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    match rule(&request, number.fetch_add(1, Ordering::SeqCst)) {
        Act::Pass => client.write_all(&forward(&request, upstream)?),
        Act::Answer { status, headers, body } => {
            let mut answer = format!("HTTP/1.1 {status} Injected\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                answer.push_str(&format!("{name}: {value}\r\n"));
            }
            answer.push_str("connection: close\r\n\r\n");
            answer.push_str(&body);
            client.write_all(answer.as_bytes())
        }
        Act::Cut(after) => {
            let answer = forward(&request, upstream)?;
            let body =
                answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
            client.write_all(&answer[..(body + after).min(answer.len())])
        }
        Act::LoseAnswer => forward(&request, upstream).map(drop),
        Act::Lose => Ok(()),
        Act::Twice => {
            forward(&request, upstream)?;
            client.write_all(&forward(&request, upstream)?)
        }
    }
}

fn read_request(client: &mut TcpStream) -> io::Result<Request> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let find = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    if find("expect").is_some() {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut body = Vec::new();
    if let Some(length) = find("content-length").and_then(|text| text.parse::<u64>().ok()) {
        reader.take(length).read_to_end(&mut body)?;
    } else if find("transfer-encoding").is_some() {
        read_chunks(&mut reader, &mut body)?;
    }
    headers.retain(|(name, _)| name != "expect" && name != "connection");
    Ok(Request { method, target, headers, body })
}

/// As they came: they go on so.
fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line)?;
        body.extend(&line);
        let text = String::from_utf8_lossy(&line).into_owned();
        let size = u64::from_str_radix(text.trim().split(';').next().unwrap_or_default(), 16)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        reader.take(size + 2).read_to_end(body)?;
        if size == 0 {
            return Ok(());
        }
    }
}

fn forward(request: &Request, upstream: SocketAddr) -> io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(upstream)?;
    server.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("connection: close\r\n\r\n");
    server.write_all(head.as_bytes())?;
    server.write_all(&request.body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    Ok(answer)
}
