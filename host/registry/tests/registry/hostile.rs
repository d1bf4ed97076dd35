//! Registries that break off, stumble and lie.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use wudf_registry::{Attachments, ErrorKind, Reference, Registry};

use crate::common::{component, digest, reference, settings, walk};
use crate::server::{Content, Reply, Request, Server, manifest, model};

/// A server of `slug:1`, a store, and how often something was asked for.
struct Place {
    server: Server,
    store: TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Place {
    /// `bend` gets what a kind registry would answer.
    fn new(
        content: Content,
        bend: impl Fn(&Request, Reply, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let server = Server::start(move |request| {
            let line = format!("{} {}", request.method, request.path);
            let before = {
                let mut seen = seen.lock().unwrap();
                let before = seen.iter().filter(|one| **one == line).count();
                seen.push(line);
                before
            };
            bend(request, content.answer(request), before)
        });
        let store = TempDir::new().unwrap();
        Self {
            server,
            store,
            asked,
        }
    }

    fn registry(&self) -> Registry {
        let mut settings = settings(self.store.path());
        settings.silence = Duration::from_secs(10);
        Registry::new(settings).unwrap()
    }

    fn reference(&self, rest: &str) -> Reference {
        reference(&format!("{}/{rest}", self.server.host))
    }

    fn asked(&self, start: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|line| line.starts_with(start)).count()
    }

    /// Pulls `slug:1`, which must fail so and leave nothing wrong behind.
    fn fails(&self, kind: ErrorKind, words: &[&str]) {
        let error = self
            .registry()
            .pull_plugin(&self.reference("slug:1"))
            .unwrap_err();
        self.is(&error, kind, words);
    }

    fn is(&self, error: &wudf_registry::Error, kind: ErrorKind, words: &[&str]) {
        let text = error.to_string();
        assert_eq!(error.kind(), kind, "{text}");
        for word in words {
            assert!(text.contains(word), "`{word}` is not in: {text}");
        }
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(text.len() < 700, "{text}");
        walk(self.store.path());
    }

    fn works(&self, bytes: &[u8]) {
        let pulled = self
            .registry()
            .pull_plugin(&self.reference("slug:1"))
            .unwrap();
        assert_eq!(digest(&pulled.bytes), digest(bytes));
        walk(self.store.path());
    }
}

fn slug(bytes: &[u8]) -> Content {
    let mut content = Content::default();
    content.plugin("slug", "1", bytes);
    content
}

fn is_blob(request: &Request) -> bool {
    request.method == "GET" && request.path.contains("/blobs/")
}

fn is_manifest(request: &Request) -> bool {
    request.path.contains("/manifests/")
}

#[test]
fn a_blob_that_breaks_off_is_gone_on_with() {
    let bytes = component("cut", 1 << 20);
    let half = bytes.len() / 2;
    let starts = Arc::new(Mutex::new(Vec::new()));
    let seen = starts.clone();
    let place = Place::new(slug(&bytes), move |request, reply, before| {
        if !is_blob(request) {
            return reply;
        }
        seen.lock()
            .unwrap()
            .push(request.header("range").map(str::to_owned));
        match before {
            0 => reply.cut_at(half),
            // Within its own piece now.
            1 => reply.cut_at(1000),
            _ => reply,
        }
    });
    place.works(&bytes);
    let range = |from| Some(format!("bytes={from}-"));
    assert_eq!(
        starts.lock().unwrap()[..],
        [None, range(half), range(half + 1000)]
    );
}

#[test]
fn a_server_without_ranges_begins_anew() {
    let bytes = component("whole", 300_000);
    let all = bytes.clone();
    let place = Place::new(slug(&bytes), move |request, reply, before| {
        match (is_blob(request), before) {
            (true, 0) => reply.cut_at(100_000),
            (true, _) => Reply::new(200, all.clone()),
            _ => reply,
        }
    });
    place.works(&bytes);
}

#[test]
fn a_server_with_other_ranges_begins_anew() {
    for status in [206, 416] {
        let bytes = component("ranges", 300_000);
        let all = bytes.clone();
        let place = Place::new(slug(&bytes), move |request, reply, before| {
            match (is_blob(request), before) {
                (true, 0) => reply.cut_at(100_000),
                // Not from where it was asked.
                (true, 1) => Reply::new(status, &all[50..])
                    .header("Content-Range", &format!("bytes 50-{}/{0}", all.len())),
                _ => reply,
            }
        });
        place.works(&bytes);
    }
}

#[test]
fn what_never_ends_well_is_given_up() {
    let bytes = component("never", 300_000);
    let place = Place::new(slug(&bytes), |request, reply, _| match is_blob(request) {
        true => reply.cut_at(1000),
        false => reply,
    });
    place.fails(ErrorKind::Network, &["lost half-way"]);
    assert_eq!(place.asked("GET /v2/slug/blobs/"), 4);
}

#[test]
fn a_broken_start_from_before_is_not_gone_on_with_for_ever() {
    let bytes = component("stale", 300_000);
    let place = Place::new(slug(&bytes), |_, reply, _| reply);
    let partial = place.store.path().join("partial");
    std::fs::create_dir_all(&partial).unwrap();
    std::fs::write(partial.join(&digest(&bytes)[7..]), vec![7; 1000]).unwrap();
    place.works(&bytes);
    // One that is longer than the blob.
    let store = TempDir::new().unwrap();
    let place = Place { store, ..place };
    let partial = place.store.path().join("partial");
    std::fs::create_dir_all(&partial).unwrap();
    std::fs::write(partial.join(&digest(&bytes)[7..]), vec![7; 400_000]).unwrap();
    place.works(&bytes);
}

#[test]
fn trouble_passes() {
    for status in [500, 503, 429, 408] {
        let bytes = component("trouble", 1000);
        let place = Place::new(slug(&bytes), move |request, reply, before| {
            match before < 2 && request.path != "/v2/" {
                true => Reply::new(status, "oops").header("Retry-After", "0"),
                false => reply,
            }
        });
        place.works(&bytes);
        assert_eq!(place.asked("GET /v2/slug/blobs/"), 3);
    }
}

#[test]
fn trouble_that_stays_is_told() {
    let place = Place::new(
        slug(&component("stays", 10)),
        |request, reply, _| match is_manifest(request) {
            true => Reply::new(
                500,
                r#"{"errors":[{"code":"UNKNOWN","message":"disk\u001b[31m full"}]}"#,
            ),
            false => reply,
        },
    );
    // A HEAD has no words.
    place.fails(ErrorKind::Network, &["500"]);
    let at = place.reference("slug:1").at(&digest(b"none"));
    let error = place.registry().pull_plugin(&at).unwrap_err();
    place.is(&error, ErrorKind::Network, &["500", "full"]);
}

#[test]
fn a_registry_that_is_away() {
    let place = Place::new(Content::default(), |_, reply, _| reply);
    let host = place.server.host.clone();
    let what = place.reference("slug:1");
    let registry = place.registry();
    drop(place);
    let error = registry.pull_plugin(&what).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert!(error.to_string().starts_with(&host), "{error}");
}

#[test]
fn a_wrong_blob_is_no_blob() {
    let (right, wrong) = (component("right", 1000), component("wrong", 1000));
    assert_eq!(right.len(), wrong.len());
    let place = Place::new(slug(&right), move |request, reply, before| {
        match is_blob(request) && before == 0 {
            true => Reply::new(200, wrong.clone()),
            false => reply,
        }
    });
    place.fails(ErrorKind::Digest, &[&digest(&right)]);
    place.works(&right);
}

#[test]
fn a_wrong_manifest_is_no_manifest() {
    let bytes = component("manifest", 1000);
    let content = slug(&bytes);
    let mut other = Content::default();
    let other_digest = other.plugin("slug", "1", &component("other", 10));
    let named = content.clone();
    let place = Place::new(content, move |request, reply, _| {
        match is_manifest(request) && request.path.contains("sha256:") {
            true => Reply::new(200, other.manifests["slug/manifests/1"].clone()),
            false => reply,
        }
    });
    place.fails(ErrorKind::Digest, &["is not what it should be"]);
    // A header that is wrong about its own body.
    let place = Place::new(named, move |request, reply, _| {
        match (is_manifest(request), request.method.as_str()) {
            (true, "HEAD") => Reply::new(405, ""),
            (true, _) => reply.header("Docker-Content-Digest", &other_digest),
            _ => reply,
        }
    });
    place.fails(ErrorKind::Digest, &["is not what it should be"]);
}

#[test]
fn a_registry_that_knows_no_head_and_tells_no_digest() {
    let bytes = component("plain", 1000);
    let place = Place::new(slug(&bytes), |request, reply, _| {
        match request.method.as_str() {
            "HEAD" => Reply::new(405, ""),
            _ => reply.header("Docker-Content-Digest", "md5:0123"),
        }
    });
    place.works(&bytes);
}

#[test]
fn a_manifest_of_100_mb_is_not_read() {
    let place = Place::new(slug(&component("huge", 10)), |request, reply, _| {
        match is_manifest(request) && request.method == "GET" {
            true => Reply::endless(200).header("Content-Length", "100000000"),
            false => reply,
        }
    });
    place.fails(ErrorKind::TooLarge, &["manifest", "4194304"]);
    assert_eq!(place.asked("GET /v2/slug/manifests/"), 1);
}

#[test]
fn bodies_without_end_are_left() {
    // As a manifest, an error, a token, a blob, a list of what hangs on it.
    let bytes = component("endless", 10);
    for (part, status) in [
        ("/manifests/", 200),
        ("/manifests/", 404),
        ("/blobs/", 200),
        ("/blobs/", 403),
    ] {
        let place = Place::new(slug(&bytes), move |request, reply, _| {
            match request.method == "GET" && request.path.contains(part) {
                true => Reply::endless(status),
                false => reply,
            }
        });
        let error = place
            .registry()
            .pull_plugin(&place.reference("slug:1"))
            .unwrap_err();
        let kind = match (part, status) {
            ("/manifests/", 200) => ErrorKind::TooLarge,
            (_, 404) => ErrorKind::NotFound,
            ("/blobs/", 200) => ErrorKind::Artifact,
            _ => ErrorKind::Unauthorized,
        };
        place.is(&error, kind, &[]);
    }
    let place = Place::new(slug(&bytes), |request, reply, _| {
        match request.path.as_str() {
            "/token?scope=repository%3Aslug%3Apull" => Reply::endless(200),
            _ if request.path.starts_with("/v2/slug") => Reply::new(401, "").header(
                "WWW-Authenticate",
                &format!(
                    "Bearer realm=\"http://{}/token\"",
                    request.header("host").unwrap()
                ),
            ),
            _ => reply,
        }
    });
    place.fails(ErrorKind::TooLarge, &["token"]);
    let place = Place::new(slug(&bytes), |request, reply, _| {
        match request.path.contains("/referrers/") {
            true => Reply::endless(200),
            false => reply,
        }
    });
    let subject = place.reference("slug").at(&digest(b"x"));
    let error = place.registry().remote().manifests(&subject).unwrap_err();
    place.is(&error, ErrorKind::TooLarge, &[]);
}

#[test]
fn sizes_that_lie_are_not_believed() {
    let bytes = component("size", 10_000);
    for (size, words) in [
        (bytes.len() - 1, "larger than"),
        (bytes.len() + 1, "that its manifest names"),
        (0, "larger than"),
    ] {
        let mut content = Content::default();
        let mut layer = content.layer("application/wasm", &bytes, None);
        layer["size"] = json!(size);
        let manifest = manifest(content.blob(b"{}"), &[layer]);
        content.manifest("slug", "1", &manifest);
        let place = Place::new(content, |_, reply, _| reply);
        let result = place.registry().pull_plugin(&place.reference("slug:1"));
        match size {
            // Nothing is asked for that has no bytes.
            0 => place.is(&result.unwrap_err(), ErrorKind::Digest, &[]),
            _ => place.is(&result.unwrap_err(), ErrorKind::Artifact, &[words]),
        }
    }
    // More than is allowed, said and not said.
    let mut small = settings(TempDir::new().unwrap().path());
    small.plugin_limit = 100;
    let place = Place::new(slug(&bytes), |_, reply, _| reply);
    let error = Registry::new(small)
        .unwrap()
        .pull_plugin(&place.reference("slug:1"))
        .unwrap_err();
    place.is(&error, ErrorKind::TooLarge, &["more than the 100"]);
    assert_eq!(place.asked("GET /v2/slug/blobs/"), 0);
}

/// One thing of a manifest, and what is said of it.
fn refused(change: impl Fn(&mut Content, &mut Value), words: &[&str]) {
    let bytes = component("shape", 10);
    let mut content = Content::default();
    let layer = content.layer("application/wasm", &bytes, None);
    let mut manifest = manifest(content.blob(b"{}"), &[layer]);
    change(&mut content, &mut manifest);
    content.manifest("slug", "1", &manifest);
    let place = Place::new(content, |_, reply, _| reply);
    place.fails(ErrorKind::Artifact, words);
}

#[test]
fn manifests_of_other_shapes_are_refused_in_words() {
    refused(
        |content, manifest| {
            let second = content.layer("application/wasm", b"second", None);
            manifest["layers"].as_array_mut().unwrap().push(second);
        },
        &["2 layers", "exactly one"],
    );
    refused(|_, manifest| manifest["layers"] = json!([]), &["0 layers"]);
    refused(
        |_, manifest| manifest["layers"][0]["mediaType"] = json!("application/x\u{1b}[2J"),
        &["no WebAssembly"],
    );
    refused(
        |_, manifest| {
            manifest["config"]["mediaType"] = json!("application/vnd.oci.image.config.v1+json");
            manifest["layers"][0]["mediaType"] =
                json!("application/vnd.oci.image.layer.v1.tar+gzip");
        },
        &["is no plugin", "tar+gzip"],
    );
    refused(
        |_, manifest| manifest["layers"][0]["digest"] = json!("../../etc/passwd"),
        &["where a SHA-256 must stand"],
    );
    refused(
        |_, manifest| manifest["layers"][0]["size"] = json!(-1),
        &["no manifest that can be used"],
    );
    refused(
        |_, manifest| manifest["schemaVersion"] = json!(1),
        &["another version"],
    );
    refused(
        |_, manifest| manifest["mediaType"] = json!("text/html"),
        &["text/html"],
    );
    refused(
        |_, manifest| manifest["manifests"] = json!([]),
        &["both manifest and index"],
    );
    refused(
        |_, manifest| manifest["annotations"] = json!({"dev.wudf.model.net": "a.example/net:1"}),
        &["`net`", "no reference with a digest"],
    );
}

#[test]
fn older_layers_are_taken() {
    for kind in [
        "application/vnd.wasm.content.layer.v1+wasm",
        "application/vnd.module.wasm.content.layer.v1+wasm",
    ] {
        let bytes = component(kind, 10);
        let mut content = Content::default();
        let layer = content.layer(kind, &bytes, None);
        let manifest = manifest(content.blob(b"{}"), &[layer]);
        content.manifest("slug", "1", &manifest);
        Place::new(content, |_, reply, _| reply).works(&bytes);
    }
}

fn index(entries: &[(&str, Option<&str>)]) -> Value {
    let entries: Vec<_> = entries
        .iter()
        .map(|(digest, architecture)| {
            let mut entry = json!({
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": digest,
                "size": 1
            });
            if let Some(architecture) = architecture {
                entry["platform"] = json!({"architecture": architecture, "os": "wasip2"});
            }
            entry
        })
        .collect();
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": entries
    })
}

#[test]
fn an_index_gives_its_one_entry_for_wasm() {
    let bytes = component("index", 10);
    let mut content = slug(&bytes);
    let own = &*digest(&content.manifests["slug/manifests/1"]);
    let other = &*digest(b"another");
    let right: [&[_]; 3] = [
        &[(own, Some("wasm")), (other, Some("amd64"))],
        &[(other, None), (own, Some("wasm"))],
        &[(own, Some("amd64"))],
    ];
    for entries in right {
        let top = content.manifest("slug", "1", &index(entries));
        let place = Place::new(content.clone(), |_, reply, _| reply);
        let pulled = place
            .registry()
            .pull_plugin(&place.reference("slug:1"))
            .unwrap();
        assert_eq!(pulled.bytes, bytes);
        // By what was named, which is what is signed.
        assert_eq!(pulled.reference.digest(), Some(top.as_str()));
        assert_eq!(
            place.registry().list().unwrap()[0].kind,
            wudf_registry::Kind::Plugin
        );
        walk(place.store.path());
    }
    let wrong: [(&[_], &str); 4] = [
        (
            &[(own, Some("wasm")), (other, Some("wasm"))],
            "several entries for wasm",
        ),
        (
            &[(own, Some("amd64")), (other, Some("arm64"))],
            "wasip2/amd64, wasip2/arm64",
        ),
        (&[(own, None), (other, None)], "no platform"),
        (&[], "without entries"),
    ];
    for (entries, words) in wrong {
        content.manifest("slug", "1", &index(entries));
        let place = Place::new(content.clone(), |_, reply, _| reply);
        place.fails(ErrorKind::Artifact, &[words, "by digest"]);
    }
    let inner = content.manifest("slug", "inner", &index(&[(own, None)]));
    content.manifest("slug", "1", &index(&[(&inner, None)]));
    let place = Place::new(content, |_, reply, _| reply);
    place.fails(ErrorKind::Artifact, &["index of an index"]);
}

#[test]
fn names_of_files_stay_in_their_folder() {
    let names: [&[&str]; 12] = [
        &["../evil"],
        &["/etc/passwd"],
        &["a/b"],
        &["a\\b"],
        &["C:evil"],
        &[".."],
        &["."],
        &[""],
        &["a\u{0}b"],
        &["a\nb"],
        &["net.onnx", "NET.onnx"],
        &["net.onnx", "net.onnx"],
    ];
    for names in names {
        let mut content = Content::default();
        let layers: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(i, name)| content.layer("application/onnx", &[i as u8], Some(name)))
            .collect();
        let model = model(content.blob(b"{}"), &layers);
        content.manifest("net", "1", &model);
        let place = Place::new(content, |_, reply, _| reply);
        let error = place
            .registry()
            .pull_model(&place.reference("net:1"))
            .unwrap_err();
        place.is(&error, ErrorKind::Artifact, &["file"]);
        assert_eq!(place.asked("GET /v2/net/blobs/"), 0, "{names:?}");
        let outside = place.store.path().parent().unwrap().join("evil");
        assert!(!outside.exists());
    }
}

#[test]
fn redirects_are_followed_and_not_for_ever() {
    let bytes = component("moved", 1000);
    let storage = {
        let bytes = bytes.clone();
        Server::start(move |request| {
            // Another host: who we are is none of its business.
            assert_eq!(request.header("authorization"), None);
            Reply::new(200, bytes.clone())
        })
    };
    let to = format!("http://{}/signed?secret=1", storage.host);
    let place = Place::new(slug(&bytes), move |request, reply, _| {
        match is_blob(request) {
            true => Reply::new(307, "").header("Location", &to),
            false => reply,
        }
    });
    place.works(&bytes);
    let place = Place::new(slug(&bytes), |request, reply, _| match is_blob(request) {
        true => Reply::new(302, "").header("Location", &request.path),
        false => reply,
    });
    place.fails(ErrorKind::Artifact, &["without end"]);
    for to in [
        "http://a.example/plain",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://",
    ] {
        let place = Place::new(slug(&bytes), move |request, reply, _| {
            match is_blob(request) {
                true => Reply::new(302, "").header("Location", to),
                false => reply,
            }
        });
        let error = place
            .registry()
            .pull_plugin(&place.reference("slug:1"))
            .unwrap_err();
        place.is(&error, error.kind(), &["it points at"]);
        assert!(!error.to_string().contains("/plain"), "{error}");
    }
}

#[test]
fn tokens_are_fetched_where_the_registry_says() {
    let bytes = component("token", 1000);
    let tokens = Arc::new(AtomicUsize::new(0));
    let count = tokens.clone();
    let place = Place::new(slug(&bytes), move |request, reply, _| {
        let host = request.header("host").unwrap();
        if request.path.starts_with("/token?") {
            assert!(
                request.path.contains("scope=repository%3Aslug%3Apull"),
                "{}",
                request.path
            );
            assert!(request.path.contains("service=the+one"), "{}", request.path);
            let n = count.fetch_add(1, Ordering::SeqCst);
            return Reply::new(200, format!(r#"{{"access_token": "t{n}"}}"#));
        }
        // The first token is soon too old.
        let old = is_blob(request) && request.header("authorization") == Some("Bearer t0");
        match request.header("authorization") {
            Some(shown) if shown.starts_with("Bearer t") && !old => reply,
            _ if request.path == "/v2/" => reply,
            _ => Reply::new(401, "").header(
                "WWW-Authenticate",
                &format!(r#"Bearer realm="http://{host}/token",service="the one",scope="x""#),
            ),
        }
    });
    place.works(&bytes);
    assert_eq!(tokens.load(Ordering::SeqCst), 2);
}

#[test]
fn tokens_that_are_none_are_refused() {
    let answers = [
        r#"{"token": "a\nb"}"#,
        r#"{"token": "a\u0000b"}"#,
        r#"{"token": ""}"#,
        r#"{"token": "ä"}"#,
        "{}",
        "<html>",
    ];
    for answer in answers {
        let place = Place::new(slug(&component("none", 10)), move |request, reply, _| {
            let host = request.header("host").unwrap();
            match request.path.as_str() {
                "/v2/" => reply,
                path if path.starts_with("/token") => Reply::new(200, answer),
                _ => Reply::new(401, "").header(
                    "WWW-Authenticate",
                    &format!(r#"Bearer realm="http://{host}/token""#),
                ),
            }
        });
        place.fails(ErrorKind::Artifact, &["tokens"]);
    }
    for (challenge, kind) in [
        (
            r#"Bearer realm="http://a.example/token""#,
            ErrorKind::Network,
        ),
        (r#"Bearer realm="file:///etc/passwd""#, ErrorKind::Artifact),
        ("Basic realm=\"x\"", ErrorKind::Unauthorized),
        ("Negotiate", ErrorKind::Unauthorized),
        ("\"\"\",,=", ErrorKind::Unauthorized),
    ] {
        let place = Place::new(
            slug(&component("none", 10)),
            move |request, reply, _| match request.path.as_str() {
                "/v2/" => reply,
                _ => Reply::new(401, "").header("WWW-Authenticate", challenge),
            },
        );
        place.fails(kind, &[]);
    }
}

#[test]
fn uploads_that_go_astray_are_refused() {
    let bytes = component("astray", 10);
    for to in ["http://a.example/upload", "::", ""] {
        let place = Place::new(Content::default(), move |request, reply, _| {
            match request.method.as_str() {
                "POST" => Reply::new(202, "").header("Location", to),
                "PUT" => panic!("put to {}", request.path),
                _ => reply,
            }
        });
        let result =
            place
                .registry()
                .push_plugin(&bytes, &place.reference("slug:1"), &Default::default());
        match (to, result) {
            // The same place: some registries do so.
            ("::" | "", _) => {}
            (_, result) => place.is(&result.unwrap_err(), ErrorKind::Network, &["plain HTTP"]),
        }
    }
}
