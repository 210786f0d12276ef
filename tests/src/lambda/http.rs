//! As much of HTTP as a runtime's client speaks.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
};

/// A request.
pub struct Request {
    pub path: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

/// A response.
pub struct Response {
    head: String,
    body: Vec<u8>,
}

impl Response {
    pub fn new(status: u16) -> Self {
        Self { head: format!("HTTP/1.1 {status} X\r\n"), body: Vec::new() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub fn body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }
}

/// Answers the requests of a connection until it ends.
pub fn serve(mut stream: TcpStream, answer: impl Fn(Request) -> Response) {
    let _ = stream.set_nodelay(true);
    let Ok(reading) = stream.try_clone() else { return };
    let mut reading = BufReader::new(reading);
    while let Ok(Some(request)) = read(&mut reading) {
        let Response { mut head, body } = answer(request);
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_err() {
            return;
        }
    }
}

fn read(from: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let headers = fields(from)?;
    let mut request = Request { path, headers, body: Vec::new() };
    if request.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        loop {
            let mut size = String::new();
            from.read_line(&mut size)?;
            let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
            if size == 0 {
                // Trailers.
                fields(from)?;
                break;
            }
            let begin = request.body.len();
            request.body.resize(begin + size, 0);
            from.read_exact(&mut request.body[begin..])?;
            let mut end = [0; 2];
            from.read_exact(&mut end)?;
        }
    } else if let Some(length) = request.header("content-length") {
        let length = length.parse().map_err(io::Error::other)?;
        request.body.resize(length, 0);
        from.read_exact(&mut request.body)?;
    }
    Ok(Some(request))
}

fn fields(from: &mut BufReader<TcpStream>) -> io::Result<Vec<(String, String)>> {
    let mut fields = Vec::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(fields);
        }
        if let Some((name, value)) = line.split_once(':') {
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
}
