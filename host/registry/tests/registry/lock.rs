//! What a lock file pins is what comes, or nothing does.

use std::fs;

use tempfile::TempDir;
use wudf_registry::lock::{LockedModel, LockedPlugin};
use wudf_registry::{ErrorKind, Lock, Registry};

use crate::common::{component, digest, reference, settings, walk};
use crate::server::{Content, Server, model};

#[test]
fn a_lock_is_written_and_read_the_same() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("wudf.lock");
    let mut lock = Lock::default();
    let (a, b) = (reference("a.example/net:1"), reference("b.example/slug:1"));
    let model = LockedModel::new(a.clone(), digest(b"m"), vec![digest(b"1"), digest(b"2")]);
    let mut plugin = LockedPlugin::new(b.clone(), digest(b"p"), digest(b"l"));
    plugin.models.insert("net".into(), model.clone());
    assert_eq!(lock.set_plugin(plugin.clone()), None);
    let other = LockedPlugin::new(reference("a.example/slug:2"), digest(b"q"), digest(b"k"));
    lock.set_plugin(other);
    lock.write(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(
        text,
        format!(
            r#"# Made by `wudf update`, not to be edited: what each reference meant, by digest.
version = 1

[[plugin]]
reference = "oci://a.example/slug:2"
manifest = "{}"
layer = "{}"

[[plugin]]
reference = "oci://b.example/slug:1"
manifest = "{}"
layer = "{}"

[plugin.models.net]
reference = "oci://a.example/net:1"
manifest = "{}"
layers = [
    "{}",
    "{}",
]
"#,
            digest(b"q"),
            digest(b"k"),
            digest(b"p"),
            digest(b"l"),
            digest(b"m"),
            digest(b"1"),
            digest(b"2")
        )
    );
    let again = Lock::read(&path).unwrap();
    assert_eq!(again, lock);
    assert_eq!(again.plugin(&b), Some(&plugin));
    assert_eq!(again.model(&a), Some(&model));
    assert_eq!(again.plugin(&a), None);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_is_no_lock_is_said() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("wudf.lock");
    let one = format!(
        "[[plugin]]\nreference = \"a.example/b:1\"\nmanifest = \"{0}\"\nlayer = \"{0}\"\n",
        digest(b"x")
    );
    for (text, words) in [
        ("version = 2\nnew = 1\n".to_owned(), "later wudf"),
        ("".into(), "version"),
        ("version = 1\nplugins = []\n".into(), "unknown field"),
        (format!("version = 1\n{one}{one}"), "twice"),
        (
            format!("version = 1\n{}", one.replace("sha256:", "sha256:z")),
            "no digest",
        ),
        (
            format!("version = 1\n{}", one.replace("a.example/", "")),
            "names no registry",
        ),
        ("version = 1\n<<<<<<< HEAD\n".into(), "line 2"),
    ] {
        fs::write(&path, &text).unwrap();
        let error = Lock::read(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains(words), "{words}: {error}");
        assert!(error.to_string().contains("wudf.lock"), "{error}");
    }
    let error = Lock::read(&folder.path().join("none")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
}

#[test]
fn only_what_is_pinned_comes() {
    let (old, new) = (component("old", 10), component("new", 10));
    let mut content = Content::default();
    let old_manifest = content.plugin("slug", "1", &old);
    let new_manifest = content.plugin("slug", "1", &new);
    let layer = content.layer("application/onnx", b"net", Some("net.onnx"));
    let net = model(content.blob(b"{}"), &[layer]);
    let net_manifest = content.manifest("net", "1", &net);
    let server = Server::start(move |request| content.answer(request));
    let of = |rest: &str| reference(&format!("{}/{rest}", server.host));
    let store = TempDir::new().unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("wudf.lock");
    let open = |lock: &Lock, locked: bool| {
        lock.write(&path).unwrap();
        let mut settings = settings(store.path());
        settings.lock = Some(path.clone());
        settings.locked = locked;
        Registry::new(settings).unwrap()
    };
    let mut lock = Lock::default();
    let registry = open(&lock, false);
    assert_eq!(registry.pull_plugin(&of("slug:1")).unwrap().bytes, new);

    // The tag has moved; what was pinned still comes.
    let mut pinned = LockedPlugin::new(of("slug:1"), old_manifest.clone(), digest(&old));
    let pinned_net = LockedModel::new(of("net:1"), net_manifest, vec![digest(b"net")]);
    pinned.models.insert("net".into(), pinned_net.clone());
    lock.set_plugin(pinned.clone());
    for locked in [false, true] {
        let registry = open(&lock, locked);
        let pulled = registry.pull_plugin(&of("slug:1")).unwrap();
        assert_eq!(pulled.bytes, old);
        assert_eq!(
            registry.resolve(&of("slug:1")).unwrap(),
            of("slug").at(&old_manifest)
        );
        let by_digest = registry.pull_plugin(&of("slug").at(&old_manifest)).unwrap();
        assert_eq!(by_digest.bytes, old);
        registry.pull_model(&of("net:1")).unwrap();
        let other = registry.pull_plugin(&of("slug").at(&new_manifest));
        match locked {
            false => assert_eq!(other.unwrap().bytes, new),
            true => assert_eq!(other.unwrap_err().kind(), ErrorKind::Locked),
        }
    }
    let error = open(&lock, true).resolve(&of("slug:2")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    assert!(error.to_string().contains("wudf update"), "{error}");

    // Other layers than are pinned.
    let mut wrong = pinned.clone();
    wrong.layer = digest(&new);
    let mut model = pinned_net;
    model.layers.push(digest(b"more"));
    wrong.models.insert("net".into(), model);
    lock.set_plugin(wrong);
    let registry = open(&lock, false);
    let error = registry.pull_plugin(&of("slug:1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Digest, "{error}");
    let error = registry.pull_model(&of("net:1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Digest, "{error}");

    // No lock at all, and one that is named and is not there.
    let mut none = settings(store.path());
    none.locked = true;
    let error = Registry::new(none.clone())
        .unwrap()
        .resolve(&of("slug:1"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    none.lock = Some(folder.path().join("elsewhere"));
    assert_eq!(Registry::new(none).unwrap_err().kind(), ErrorKind::Io);
    walk(store.path());
}
