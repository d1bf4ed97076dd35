//! A store that is changed, that cannot be written, or that is not there.

use std::fs;

use tempfile::TempDir;
use wudf_registry::{ErrorKind, Registry};

use crate::common::{component, digest, reference, settings, walk};
use crate::server::{Content, Server, model};

fn blob(store: &TempDir, digest: &str) -> std::path::PathBuf {
    store.path().join("blobs").join("sha256").join(&digest[7..])
}

#[test]
fn a_blob_that_changes_is_fetched_again() {
    let bytes = component("changes", 1000);
    let mut content = Content::default();
    let manifest = content.plugin("slug", "1", &bytes);
    let server = Server::start(move |request| content.answer(request));
    let what = reference(&format!("{}/slug:1", server.host));
    let store = TempDir::new().unwrap();
    let registry = Registry::new(settings(store.path())).unwrap();
    registry.pull_plugin(&what).unwrap();
    let mut offline = settings(store.path());
    offline.offline = true;
    let offline = Registry::new(offline).unwrap();
    assert_eq!(offline.pull_plugin(&what).unwrap().bytes, bytes);
    for which in [digest(&bytes), manifest] {
        let path = blob(&store, &which);
        let mut other = fs::read(&path).unwrap();
        *other.last_mut().unwrap() ^= 1;
        // Of another time or length; the same file with the same time is what
        // no process can tell from one that it has checked.
        other.push(0);
        fs::write(&path, other).unwrap();
        let error = offline.pull_plugin(&what).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Digest, "{error}");
        assert_eq!(registry.pull_plugin(&what).unwrap().bytes, bytes);
        assert_eq!(offline.pull_plugin(&what).unwrap().bytes, bytes);
        walk(store.path());
    }
}

#[test]
fn a_model_that_changes_is_put_back() {
    let mut content = Content::default();
    let layers = [("net.onnx", "graph"), ("weights", "w")]
        .map(|(name, text)| content.layer("application/onnx", text.as_bytes(), Some(name)));
    let manifest = model(content.blob(b"{}"), &layers);
    content.manifest("net", "1", &manifest);
    let server = Server::start(move |request| content.answer(request));
    let what = reference(&format!("{}/net:1", server.host));
    let store = TempDir::new().unwrap();
    let registry = Registry::new(settings(store.path())).unwrap();
    let path = registry.pull_model(&what).unwrap().path;
    // Through the link, so that the blob changes too.
    fs::write(&path, "grapes").unwrap();
    assert_eq!(
        fs::read(registry.pull_model(&what).unwrap().path).unwrap(),
        b"graph"
    );
    // Only the name.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "grapes").unwrap();
    assert_eq!(
        fs::read(registry.pull_model(&what).unwrap().path).unwrap(),
        b"graph"
    );
    // The name of another blob that was checked.
    fs::remove_file(&path).unwrap();
    fs::hard_link(blob(&store, &digest(b"w")), &path).unwrap();
    assert_eq!(
        fs::read(registry.pull_model(&what).unwrap().path).unwrap(),
        b"graph"
    );
    walk(store.path());
}

#[test]
fn plugins_come_without_a_store() {
    let bytes = component("nowhere", 1000);
    let mut content = Content::default();
    content.plugin("slug", "1", &bytes);
    let layer = content.layer("application/onnx", b"net", Some("net.onnx"));
    let net = model(content.blob(b"{}"), &[layer]);
    content.manifest("net", "1", &net);
    let server = Server::start(move |request| content.answer(request));
    let of = |rest: &str| reference(&format!("{}/{rest}", server.host));
    let folder = TempDir::new().unwrap();
    // A file where the folder should be stands for all that cannot be written,
    // also for those who may write everything.
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let registry = Registry::new(settings(&file.join("store"))).unwrap();
    assert_eq!(registry.pull_plugin(&of("slug:1")).unwrap().bytes, bytes);
    let error = registry.pull_model(&of("net:1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
}

#[test]
fn two_tags_of_one_plugin() {
    let bytes = component("tags", 1000);
    let mut content = Content::default();
    content.plugin("slug", "1", &bytes);
    content.plugin("slug", "2", &bytes);
    content.plugin("other/slug", "1", &bytes);
    let server = Server::start(move |request| content.answer(request));
    let of = |rest: &str| reference(&format!("{}/{rest}", server.host));
    let store = TempDir::new().unwrap();
    let registry = Registry::new(settings(store.path())).unwrap();
    for one in ["slug:1", "slug:2", "other/slug:1"] {
        registry.pull_plugin(&of(one)).unwrap();
    }
    assert_eq!(registry.list().unwrap().len(), 3);
    assert_eq!(registry.remove(&of("slug:1")).unwrap(), 0);
    let names: Vec<_> = registry
        .list()
        .unwrap()
        .iter()
        .map(|one| {
            format!(
                "{}:{}",
                one.reference.repository(),
                one.reference.tag().unwrap()
            )
        })
        .collect();
    assert_eq!(names, ["other/slug:1", "slug:2"]);
    assert_eq!(registry.remove(&of("slug:2")).unwrap(), 0);
    assert!(walk(store.path()).contains_key(&digest(&bytes)));
    assert!(registry.remove(&of("other/slug:1")).unwrap() > 1000);
    assert!(walk(store.path()).is_empty());
    let error = registry.remove(&of("slug:1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}
