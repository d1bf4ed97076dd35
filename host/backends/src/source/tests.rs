use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::*;

/// A server on this machine that gives its answers one after the other, the
/// last one for ever, and ends with the test.
struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn new(answers: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (count, end) = (Arc::clone(&asked), Arc::clone(&over));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while lines
                    .next()
                    .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
                {}
                let n = count.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(&answers[n.min(answers.len() - 1)]);
            }
        });
        Self {
            address,
            asked,
            over,
            thread: Some(thread),
        }
    }

    fn location(&self, content: &[u8]) -> String {
        format!("http://{}/m.onnx#sha256={}", self.address, digest(content))
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn digest(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn ok(content: &[u8]) -> Vec<u8> {
    answer("200 OK", content.len(), content)
}

fn answer(status: &str, length: usize, content: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), content].concat()
}

fn sources(cache: &Path) -> Sources {
    let backoff = Duration::from_millis(1);
    let silence = Duration::from_secs(5);
    Sources::new(Options {
        cache: Some(cache.into()),
        backoff,
        silence,
        limit: 1000,
        ..Options::default()
    })
}

fn open(sources: &Sources, location: &str) -> Result<Vec<u8>, Error> {
    sources
        .open(&ModelSource::Location(location.into()))
        .map(|content| content.bytes)
}

#[test]
fn a_download_is_kept() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::new(vec![ok(b"model")]);
    let sources = sources(cache.path());
    for _ in 0..2 {
        assert_eq!(
            open(&sources, &server.location(b"model")).unwrap(),
            b"model"
        );
    }
    assert_eq!(server.asked(), 1);
    let kept: Vec<_> = std::fs::read_dir(cache.path())
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert_eq!(kept, [format!("sha256-{}.onnx", digest(b"model")).as_str()]);
}

#[test]
fn a_changed_cache_is_not_believed() {
    let cache = tempfile::tempdir().unwrap();
    std::fs::write(
        cache
            .path()
            .join(format!("sha256-{}.onnx", digest(b"right"))),
        b"wrong",
    )
    .unwrap();
    let server = Server::new(vec![ok(b"right")]);
    assert_eq!(
        open(&sources(cache.path()), &server.location(b"right")).unwrap(),
        b"right"
    );
    assert_eq!(server.asked(), 1);
}

#[test]
fn the_wrong_file() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::new(vec![ok(b"evil")]);
    let e = open(&sources(cache.path()), &server.location(b"good")).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Security);
    assert!(
        e.to_string().contains(&digest(b"evil")) && e.to_string().contains(&digest(b"good")),
        "{e}"
    );
    assert_eq!(server.asked(), 1, "another try gives the same file");
    assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0);
}

#[test]
fn trouble_that_passes() {
    let cache = tempfile::tempdir().unwrap();
    let trouble = answer("500 Internal Server Error", 0, b"");
    let cut = answer("200 OK", 100, b"mod");
    let server = Server::new(vec![trouble.clone(), cut, trouble, ok(b"model")]);
    assert_eq!(
        open(&sources(cache.path()), &server.location(b"model")).unwrap(),
        b"model"
    );
    assert_eq!(server.asked(), 4);
}

#[test]
fn trouble_that_stays() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::new(vec![answer("503 Service Unavailable", 0, b"")]);
    let e = open(&sources(cache.path()), &server.location(b"model")).unwrap_err();
    assert!(e.to_string().contains("503"), "{e}");
    assert_eq!(server.asked(), 4);

    let server = Server::new(vec![answer("200 OK", 100, b"mod")]);
    let e = open(&sources(cache.path()), &server.location(b"model")).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Runtime, "{e}");

    let server = Server::new(vec![answer("404 Not Found", 0, b"")]);
    let e = open(&sources(cache.path()), &server.location(b"model")).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound);
    assert!(e.to_string().contains("404"), "{e}");
    assert_eq!(server.asked(), 1);
}

#[test]
fn too_large_a_file() {
    let cache = tempfile::tempdir().unwrap();
    let large = vec![7; 1001];
    // With its true length, and without any.
    let endless = [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".as_slice(),
        &large,
    ]
    .concat();
    for response in [ok(&large), endless] {
        let server = Server::new(vec![response]);
        let e = open(&sources(cache.path()), &server.location(&large)).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::TooLarge, "{e}");
        assert_eq!(server.asked(), 1);
    }
}

#[test]
fn nobody_answers() {
    let cache = tempfile::tempdir().unwrap();
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let e = open(
        &sources(cache.path()),
        &format!("http://{address}/m#sha256={}", digest(b"")),
    )
    .unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound, "{e}");

    // Connections are taken, but nothing is said.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let sources = Sources::new(Options {
        cache: Some(cache.path().into()),
        attempts: 1,
        silence: Duration::from_millis(100),
        ..Options::default()
    });
    let location = format!(
        "http://{}/m#sha256={}",
        silent.local_addr().unwrap(),
        digest(b"")
    );
    let e = open(&sources, &location).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Timeout, "{e}");
}

#[test]
fn no_redirect_leaves_this_machine() {
    let cache = tempfile::tempdir().unwrap();
    let away = b"HTTP/1.1 302 Found\r\nLocation: http://example.com/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let server = Server::new(vec![away.to_vec()]);
    let e = open(&sources(cache.path()), &server.location(b"model")).unwrap_err();
    assert!(e.to_string().contains("302"), "{e}");
}

#[test]
fn many_who_want_one_file() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::new(vec![ok(b"model")]);
    let sources = sources(cache.path());
    let location = server.location(b"model");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(open(&sources, &location).unwrap(), b"model"));
        }
    });
    assert_eq!(server.asked(), 1);
}

#[test]
fn progress_is_told() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::new(vec![ok(b"model")]);
    let last = Arc::<AtomicUsize>::default();
    let told = Arc::clone(&last);
    let mut options = sources(cache.path()).options;
    options.progress = Some(Arc::new(move |progress: &Progress<'_>| {
        assert_eq!(progress.total, Some(5));
        told.store(progress.received as usize, Ordering::SeqCst);
    }));
    open(&Sources::new(options), &server.location(b"model")).unwrap();
    assert_eq!(last.load(Ordering::SeqCst), 5);
}

#[test]
fn a_cache_that_cannot_be_written() {
    let cache = tempfile::tempdir().unwrap();
    let file = cache.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let server = Server::new(vec![ok(b"model")]);
    assert_eq!(
        open(&sources(&file.join("sub")), &server.location(b"model")).unwrap(),
        b"model"
    );
}

#[test]
fn locations() {
    let digest = digest(b"");
    let url = |url: &str| Source::Url {
        url: url.into(),
        sha256: Sha256::digest(b"").into(),
    };
    for (location, source) in [
        ("a/b.onnx", Source::Path("a/b.onnx".into())),
        ("#sha256=", Source::Path("#sha256=".into())),
        ("C:/m.onnx", Source::Path("C:/m.onnx".into())),
        (
            "seeded:resnet50?seed=1",
            Source::Seeded("resnet50?seed=1".into()),
        ),
        (
            &format!("https://h/m?a=b#sha256={digest}"),
            url("https://h/m?a=b"),
        ),
        (
            &format!("HTTPS://h/m#sha256={}", digest.to_uppercase()),
            url("HTTPS://h/m"),
        ),
        (
            &format!("http://localhost:8/m#sha256={digest}"),
            url("http://localhost:8/m"),
        ),
        (
            &format!("http://127.0.0.2/m#sha256={digest}"),
            url("http://127.0.0.2/m"),
        ),
        (
            &format!("http://[::1]:80/m#sha256={digest}"),
            url("http://[::1]:80/m"),
        ),
    ] {
        assert_eq!(Source::parse(location).unwrap(), source, "{location}");
    }
    for (location, kind) in [
        ("", ErrorKind::InvalidArgument),
        ("https://h/m", ErrorKind::InvalidArgument),
        ("https://h/m#sha256=12", ErrorKind::InvalidArgument),
        (
            &format!("https://h/m#sha256=+{}", &digest[1..]),
            ErrorKind::InvalidArgument,
        ),
        (&format!("http://h/m#sha256={digest}"), ErrorKind::Security),
        (
            &format!("http://127.0.0.1.evil.com/m#sha256={digest}"),
            ErrorKind::Security,
        ),
        (
            &format!("http://localhost@evil.com/m#sha256={digest}"),
            ErrorKind::Security,
        ),
        (
            &format!("http://127.0.0.1:x@evil.com/m#sha256={digest}"),
            ErrorKind::Security,
        ),
        ("ftp://h/m", ErrorKind::Unsupported),
    ] {
        assert_eq!(
            Source::parse(location).unwrap_err().kind(),
            kind,
            "{location}"
        );
    }
}

#[test]
fn labels() {
    let label = |location: &str| Source::parse(location).unwrap().label();
    assert_eq!(label("seeded:resnet50"), "seeded:resnet50 (untrained)");
    assert_eq!(label("a.onnx"), "a.onnx");
    assert_eq!(
        label(&format!("https://h/m#sha256={}", digest(b""))),
        "https://h/m"
    );
    assert!(Source::of(&"seeded:tiny".into()).unwrap().is_untrained());
    assert!(!Source::of(&"a.onnx".into()).unwrap().is_untrained());
    assert!(Source::of(&ModelSource::Bytes(Arc::from(*b"x"))).is_none());
}

#[test]
fn a_missing_file() {
    let e = open(&Sources::default(), "/nowhere/m.onnx").unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound);
    assert!(e.to_string().contains("/nowhere/m.onnx"), "{e}");
}

#[test]
fn a_server_that_does_not_answer_holds_up_nobody_else() {
    let cache = tempfile::tempdir().unwrap();
    // Connections are taken by the system, and nobody reads from them.
    let dead = TcpListener::bind("127.0.0.1:0").unwrap();
    let location = |content| {
        let address = dead.local_addr().unwrap();
        format!("http://{address}/m.onnx#sha256={}", digest(content))
    };
    let server = Server::new(vec![ok(b"model")]);
    let sources = sources(cache.path());
    thread::scope(|scope| {
        let waits = scope.spawn(|| open(&sources, &location(b"dead")));
        // It is connected, or about to be.
        let _ = dead.accept().unwrap();
        let start = std::time::Instant::now();
        let found = open(&sources, &server.location(b"model"));
        assert_eq!(found.unwrap(), b"model");
        assert!(start.elapsed() < Duration::from_secs(4), "it waited");
        drop(waits);
    });
}
