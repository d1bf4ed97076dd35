//! Many processes and one store.

use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use wudf_registry::{Annotate, ErrorKind, Registry};

use crate::common::{child, component, digest, reference, said, settings, walk};
use crate::server::{Content, Server};

/// No test of its own: what other tests have done in another process.
#[test]
fn another() {
    let Ok(doing) = std::env::var("WUDF_TEST_CHILD") else {
        return;
    };
    let store = std::env::var_os("WUDF_TEST_STORE").unwrap();
    let what = reference(&std::env::var("WUDF_TEST_REFERENCE").unwrap());
    let registry = Registry::new(settings(store.as_ref())).unwrap();
    let done = match doing.as_str() {
        "pull" => registry
            .pull_plugin(&what)
            .map(|pulled| format!("{} {}", pulled.reference, digest(&pulled.bytes))),
        "model" => registry
            .pull_model(&what)
            .map(|pulled| digest(&fs::read(pulled.path).unwrap())),
        "push" => registry
            .push_plugin(&component("pushed", 100), &what, &Annotate::default())
            .map(|pushed| pushed.reference.to_string()),
        other => panic!("{other}"),
    };
    let said = match done {
        Ok(said) => said,
        Err(e) => format!("{:?} {e}", e.kind()),
    };
    writeln!(std::io::stdout().lock(), "child: {said}").unwrap();
}

#[test]
fn twenty_processes_download_once() {
    let bytes = component("twenty", 3 << 20);
    let mut content = Content::default();
    let manifest = content.plugin("team/slug", "1", &bytes);
    let layer = digest(&bytes);
    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    let server = {
        let (asked, layer) = (asked.clone(), layer.clone());
        Server::start(move |request| {
            if request.method == "GET" && request.path.ends_with(&layer) {
                asked.fetch_add(1, Ordering::SeqCst);
            }
            content.answer(request)
        })
    };
    let store = TempDir::new().unwrap();
    let what = reference(&format!("{}/team/slug:1", server.host));
    let children: Vec<_> = (0..20)
        .map(|_| child("pull", store.path(), &what).spawn().unwrap())
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let wanted = format!("child: {} {layer}", what.at(&manifest));
        assert!(text.contains(&wanted), "{output:?}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(walk(store.path())[&layer], bytes.len() as u64);
    let left: Vec<_> = fs::read_dir(store.path().join("partial"))
        .unwrap()
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_process_that_is_killed_leaves_what_another_goes_on_with() {
    let bytes = component("killed", 4 << 20);
    let mut content = Content::default();
    content.plugin("slug", "1", &bytes);
    let layer = digest(&bytes);
    let half = bytes.len() / 2;
    let ranges = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let server = {
        let (ranges, layer) = (ranges.clone(), layer.clone());
        Server::start(move |request| {
            let reply = content.answer(request);
            if request.method != "GET" || !request.path.ends_with(&layer) {
                return reply;
            }
            let mut ranges = ranges.lock().unwrap();
            ranges.push(request.header("range").map(str::to_owned));
            match ranges.len() {
                1 => reply.stalled_at(half),
                _ => reply,
            }
        })
    };
    let store = TempDir::new().unwrap();
    let what = reference(&format!("{}/slug:1", server.host));
    let mut first = child("pull", store.path(), &what).spawn().unwrap();
    let partial = store.path().join("partial").join(&layer[7..]);
    while fs::metadata(&partial).map_or(0, |m| m.len()) < half as u64 {
        assert!(first.try_wait().unwrap().is_none(), "it ended early");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    walk(store.path());
    let said = said(&mut child("pull", store.path(), &what));
    assert!(said.ends_with(&layer), "{said}");
    let ranges = ranges.lock().unwrap();
    assert_eq!(ranges[..], [None, Some(format!("bytes={half}-"))]);
    walk(store.path());
}

#[test]
fn one_process_asks_from_many_threads() {
    let bytes = component("threads", 100_000);
    let mut content = Content::default();
    content.plugin("slug", "1", &bytes);
    let server = Server::start(move |request| content.answer(request));
    let store = TempDir::new().unwrap();
    let registry = Registry::new(settings(store.path())).unwrap();
    let what = reference(&format!("{}/slug:1", server.host));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let pulled = registry.pull_plugin(&what).unwrap();
                assert_eq!(digest(&pulled.bytes), digest(&bytes));
            });
        }
    });
    walk(store.path());
    let other = reference(&format!("{}/none:1", server.host));
    let error = registry.pull_plugin(&other).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}
