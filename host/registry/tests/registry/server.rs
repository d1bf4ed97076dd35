//! A registry that does as it is told.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::common::digest;

pub struct Request {
    pub method: String,
    pub path: String,
    headers: HashMap<String, String>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Body,
}

enum Body {
    Bytes(Vec<u8>),
    /// So many of the bytes, and then the connection ends.
    Cut(Vec<u8>, usize),
    /// So many of the bytes, and then nothing, for as long as anyone listens.
    Stalled(Vec<u8>, usize),
    /// Without length or end; how many bytes were taken is counted.
    Endless,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Bytes(body.into()),
        }
    }

    pub fn endless(status: u16) -> Self {
        Self {
            body: Body::Endless,
            ..Self::new(status, "")
        }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.into(), value.into()));
        self
    }

    fn bytes(self) -> (u16, Vec<(String, String)>, Vec<u8>) {
        match self.body {
            Body::Bytes(bytes) => (self.status, self.headers, bytes),
            _ => panic!("no bytes"),
        }
    }

    pub fn cut_at(self, at: usize) -> Self {
        let (status, headers, bytes) = self.bytes();
        Self {
            status,
            headers,
            body: Body::Cut(bytes, at),
        }
    }

    pub fn stalled_at(self, at: usize) -> Self {
        let (status, headers, bytes) = self.bytes();
        Self {
            status,
            headers,
            body: Body::Stalled(bytes, at),
        }
    }
}

pub struct Server {
    pub host: String,
    done: Arc<AtomicBool>,
}

impl Server {
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let done = Arc::new(AtomicBool::new(false));
        let answer = Arc::new(answer);
        thread::spawn({
            let done = done.clone();
            move || {
                for stream in listener.incoming().flatten() {
                    if done.load(Ordering::SeqCst) {
                        return;
                    }
                    let (answer, done) = (answer.clone(), done.clone());
                    thread::spawn(move || {
                        let _ = serve(stream, &*answer, &done);
                    });
                }
            }
        });
        Self { host, done }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.done.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(&self.host);
    }
}

fn serve(
    mut stream: TcpStream,
    answer: &(dyn Fn(&Request) -> Reply + Send + Sync),
    done: &AtomicBool,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Ok(());
    };
    let (method, path) = (method.to_owned(), path.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim().split_once(':') {
            Some((name, value)) => {
                headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            }
            None => break,
        }
    }
    let len = headers
        .get("content-length")
        .and_then(|len| len.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; len];
    reader.read_exact(&mut body)?;
    let request = Request {
        method,
        path,
        headers,
    };
    let reply = answer(&request);
    let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    let named = reply
        .headers
        .iter()
        .any(|(name, _)| name == "Content-Length");
    match &reply.body {
        Body::Bytes(bytes) | Body::Cut(bytes, _) | Body::Stalled(bytes, _) if !named => {
            head += &format!("Content-Length: {}\r\n", bytes.len());
        }
        _ => {}
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    if request.method == "HEAD" {
        return Ok(());
    }
    match reply.body {
        Body::Bytes(bytes) => stream.write_all(&bytes)?,
        Body::Cut(bytes, at) => stream.write_all(&bytes[..at.min(bytes.len())])?,
        Body::Stalled(bytes, at) => {
            stream.write_all(&bytes[..at.min(bytes.len())])?;
            stream.set_read_timeout(Some(Duration::from_millis(50)))?;
            // Until the other side goes.
            while !done.load(Ordering::SeqCst) {
                match stream.read(&mut [0; 16]) {
                    Ok(0) => break,
                    _ => continue,
                }
            }
        }
        Body::Endless => {
            let chunk = vec![b' '; 64 << 10];
            // An end after all, so that a test that should fail does.
            for _ in 0..16_000 {
                stream.write_all(&chunk)?;
            }
        }
    }
    Ok(())
}

/// What a kind registry holds.
#[derive(Clone, Default)]
pub struct Content {
    /// By `REPOSITORY/manifests/NAME`.
    pub manifests: HashMap<String, Vec<u8>>,
    pub blobs: HashMap<String, Vec<u8>>,
}

impl Content {
    pub fn blob(&mut self, bytes: &[u8]) -> String {
        let digest = digest(bytes);
        self.blobs.insert(digest.clone(), bytes.to_vec());
        digest
    }

    pub fn manifest(&mut self, repository: &str, tag: &str, manifest: &Value) -> String {
        let bytes = serde_json::to_vec(manifest).unwrap();
        let digest = digest(&bytes);
        for name in [tag, &digest] {
            let name = format!("{repository}/manifests/{name}");
            self.manifests.insert(name, bytes.clone());
        }
        digest
    }

    pub fn plugin(&mut self, repository: &str, tag: &str, bytes: &[u8]) -> String {
        let layer = self.layer("application/wasm", bytes, None);
        let manifest = manifest(self.blob(b"{}"), &[layer]);
        self.manifest(repository, tag, &manifest)
    }

    pub fn layer(&mut self, media_type: &str, bytes: &[u8], title: Option<&str>) -> Value {
        let mut layer =
            json!({"mediaType": media_type, "digest": self.blob(bytes), "size": bytes.len()});
        if let Some(title) = title {
            layer["annotations"] = json!({"org.opencontainers.image.title": title});
        }
        layer
    }

    pub fn answer(&self, request: &Request) -> Reply {
        let path = request.path.trim_start_matches("/v2/");
        if path.is_empty() {
            return Reply::new(200, "{}");
        }
        if let Some(bytes) = self.manifests.get(path) {
            let kind = "application/vnd.oci.image.manifest.v1+json";
            return Reply::new(200, bytes.clone())
                .header("Docker-Content-Digest", &digest(bytes))
                .header("Content-Type", kind);
        }
        let blob = path
            .rsplit_once("/blobs/")
            .and_then(|(_, digest)| self.blobs.get(digest));
        let Some(blob) = blob else {
            return Reply::new(404, r#"{"errors": [{"code": "NAME_UNKNOWN"}]}"#);
        };
        let start = request.header("range").and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .trim_end_matches('-')
                .parse()
                .ok()
        });
        match start {
            None => Reply::new(200, blob.clone()),
            Some(start) if start < blob.len() => {
                let range = format!("bytes {start}-{}/{}", blob.len() - 1, blob.len());
                Reply::new(206, &blob[start..]).header("Content-Range", &range)
            }
            Some(_) => Reply::new(416, ""),
        }
    }
}

pub fn manifest(config: String, layers: &[Value]) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.wasm.config.v0+json",
            "digest": config,
            "size": 2
        },
        "layers": layers
    })
}

pub fn model(config: String, layers: &[Value]) -> Value {
    let mut model = manifest(config, layers);
    model["artifactType"] = json!("application/vnd.wudf.model.v1");
    model["config"]["mediaType"] = json!("application/vnd.oci.empty.v1+json");
    model
}
