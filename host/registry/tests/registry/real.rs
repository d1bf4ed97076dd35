//! Push, pull, passwords, TLS and signatures with Debian's `docker-registry`.

use std::fs;

use tempfile::TempDir;
use wudf_registry::{Annotate, Attachments, ErrorKind, Kind, Registry};
use wudf_test_support::registry::{DockerRegistry, Wants};

use crate::common::{child, component, digest, reference, registry, said, settings, walk};

#[test]
fn plugins_go_there_and_back() {
    let Some(docker) = DockerRegistry::start(Wants::default()) else {
        return;
    };
    let (one, two) = (component("one", 5 << 20), component("two", 10));
    let store = TempDir::new().unwrap();
    let registry = registry(store.path());
    let tag = reference(&docker.reference("team/slug:1.0"));
    let first = registry
        .push_plugin(&one, &tag, &Annotate::default())
        .unwrap();
    assert_eq!(first.layer, digest(&one));
    assert_eq!(first.size, one.len() as u64);
    assert_eq!(registry.resolve(&tag).unwrap(), first.reference);
    let pulled = registry.pull_plugin(&tag).unwrap();
    assert_eq!(
        (&pulled.reference, &pulled.layer),
        (&first.reference, &first.layer)
    );
    assert_eq!(digest(&pulled.bytes), digest(&one));
    // The tag moves, the digest stays.
    let second = registry
        .push_plugin(&two, &tag, &Annotate::default())
        .unwrap();
    assert_eq!(registry.pull_plugin(&tag).unwrap().bytes, two);
    assert_eq!(registry.pull_plugin(&first.reference).unwrap().bytes, one);
    walk(store.path());
    // Another store, by digest, and then without the registry.
    let other = TempDir::new().unwrap();
    let there = self::registry(other.path());
    assert_eq!(there.pull_plugin(&first.reference).unwrap().bytes, one);
    assert_eq!(there.pull_plugin(&tag).unwrap().bytes, two);
    drop(docker);
    let mut offline = settings(other.path());
    offline.offline = true;
    let offline = Registry::new(offline).unwrap();
    assert_eq!(
        offline.pull_plugin(&tag).unwrap().reference,
        second.reference
    );
    assert_eq!(offline.pull_plugin(&first.reference).unwrap().bytes, one);
    let error = offline.pull_plugin(&tag.tagged("other")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Offline, "{error}");
    let error = there.pull_plugin(&tag).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    walk(other.path());
}

#[test]
fn models_come_with_their_weights_and_hang_on_plugins() {
    let Some(docker) = DockerRegistry::start(Wants::default()) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let files = [("net.onnx", "graph"), ("net.onnx.data", "weights")].map(|(name, text)| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    });
    let store = TempDir::new().unwrap();
    let registry = registry(store.path());
    let model = reference(&docker.reference("models/net:1"));
    let pushed = registry
        .push_model(&files, &model, &Annotate::default())
        .unwrap();
    let pulled = registry.pull_model(&model).unwrap();
    assert_eq!(pulled.reference, pushed.reference);
    assert_eq!(pulled.layers, [digest(b"graph"), digest(b"weights")]);
    assert_eq!(pulled.path.file_name().unwrap(), "net.onnx");
    assert_eq!(fs::read(&pulled.path).unwrap(), b"graph");
    let weights = pulled.path.with_file_name("net.onnx.data");
    assert_eq!(fs::read(weights).unwrap(), b"weights");

    let mut annotate = Annotate::default();
    annotate.models.insert("net".into(), model.clone());
    let plugin = reference(&docker.reference("slug:1"));
    let bytes = component("tied", 10);
    let error = registry
        .push_plugin(&bytes, &plugin, &annotate)
        .unwrap_err();
    assert!(error.to_string().contains("by digest"), "{error}");
    annotate
        .models
        .insert("net".into(), pushed.reference.clone());
    annotate
        .annotations
        .insert("example.note".into(), "hello".into());
    registry.push_plugin(&bytes, &plugin, &annotate).unwrap();
    let found = registry.pull_plugin(&plugin).unwrap();
    assert_eq!(found.models["net"], pushed.reference);
    assert_eq!(found.annotations["example.note"], "hello");

    // One is not the other, and both say so.
    let error = registry.pull_model(&plugin).unwrap_err();
    assert!(error.to_string().contains("is a plugin"), "{error}");
    let error = registry.pull_plugin(&model).unwrap_err();
    assert!(error.to_string().contains("is a model"), "{error}");

    let listed = registry.list().unwrap();
    let kinds: Vec<_> = listed
        .iter()
        .map(|one| {
            (
                one.reference.name(),
                one.reference.tag(),
                one.kind,
                one.size,
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("net", Some("1"), Kind::Model, 12),
            ("slug", Some("1"), Kind::Plugin, bytes.len() as u64)
        ]
    );
    walk(store.path());
    // What is removed takes its files along, and nothing else.
    assert!(registry.remove(&model).unwrap() > 12);
    assert!(!pulled.path.exists());
    assert_eq!(
        registry.remove(&model).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(registry.list().unwrap().len(), 1);
    assert!(registry.remove(&found.reference).unwrap() > 0);
    assert!(walk(store.path()).is_empty());
}

#[test]
fn with_a_password() {
    let wants = Wants {
        password: true,
        ..Wants::default()
    };
    let Some(docker) = DockerRegistry::start(wants) else {
        return;
    };
    let store = TempDir::new().unwrap();
    let tag = reference(&docker.reference("slug:1"));
    let run = |doing: &str, known: &[(&str, &str)]| {
        // No proxy is asked for what is on this machine.
        let mut child = child(doing, store.path(), &tag);
        child
            .env("HTTP_PROXY", "http://127.0.0.1:1")
            .env("ALL_PROXY", "http://127.0.0.1:1");
        said(child.envs(known.iter().copied()))
    };
    let nobody = run("push", &[]);
    assert!(nobody.starts_with("Unauthorized"), "{nobody}");
    assert!(
        nobody.contains(&format!("docker login {}", docker.host())),
        "{nobody}"
    );
    let host = docker.host();
    let known = |password| {
        [
            ("WUDF_REGISTRY", host.as_str()),
            ("WUDF_REGISTRY_USERNAME", "user"),
            ("WUDF_REGISTRY_PASSWORD", password),
        ]
    };
    let wrong = run("push", &known("hunter2"));
    assert!(wrong.starts_with("Unauthorized"), "{wrong}");
    assert!(!wrong.contains("hunter2"), "{wrong}");
    let mut elsewhere = known("secret");
    elsewhere[0].1 = "elsewhere.example";
    assert!(run("push", &elsewhere).starts_with("Unauthorized"));
    assert!(run("push", &known("secret")).starts_with("oci://"));
    assert!(run("pull", &[]).starts_with("Unauthorized"));
    let layer = digest(&component("pushed", 100));
    assert!(run("pull", &known("secret")).ends_with(&layer));
    // As `docker login` leaves it; "user:secret".
    let config = TempDir::new().unwrap();
    let text = format!(
        r#"{{"auths": {{"{}": {{"auth": "dXNlcjpzZWNyZXQ="}}}}}}"#,
        docker.host()
    );
    fs::write(config.path().join("config.json"), text).unwrap();
    let folder = config.path().to_str().unwrap();
    assert!(run("pull", &[("DOCKER_CONFIG", folder)]).ends_with(&layer));
    let file = config.path().join("config.json");
    let file = file.to_str().unwrap();
    assert!(run("push", &[("REGISTRY_AUTH_FILE", file)]).starts_with("oci://"));
    walk(store.path());
}

#[test]
fn with_tls() {
    let wants = Wants {
        tls: true,
        password: true,
    };
    let Some(docker) = DockerRegistry::start(wants) else {
        return;
    };
    let store = TempDir::new().unwrap();
    let tag = reference(&docker.reference("slug:1"));
    let run = |doing: &str, trust: bool| {
        let mut child = child(doing, store.path(), &tag);
        child
            .env("WUDF_REGISTRY", docker.host())
            .env("WUDF_REGISTRY_USERNAME", "user")
            .env("WUDF_REGISTRY_PASSWORD", "secret");
        if trust {
            child.env("SSL_CERT_FILE", docker.authority());
        }
        said(&mut child)
    };
    let stranger = run("push", false);
    assert!(stranger.starts_with("Network"), "{stranger}");
    assert!(stranger.contains("SSL_CERT_FILE"), "{stranger}");
    let pushed = run("push", true);
    assert!(pushed.starts_with("oci://"), "{pushed}");
    assert!(run("pull", false).starts_with("Network"));
    let pulled = run("pull", true);
    assert!(pulled.starts_with(&pushed), "{pulled}");
    walk(store.path());
}

#[test]
fn pushes_can_be_made_again() {
    let Some(docker) = DockerRegistry::start(Wants::default()) else {
        return;
    };
    let store = TempDir::new().unwrap();
    let push = |tag: &str, epoch: &str| {
        let mut child = child("push", store.path(), &reference(&docker.reference(tag)));
        said(child.env("SOURCE_DATE_EPOCH", epoch))
    };
    let once = push("slug:1", "1700000000");
    assert!(once.starts_with("oci://"), "{once}");
    assert_eq!(once, push("slug:2", "1700000000"));
    assert_ne!(once, push("slug:3", "1700000001"));
    assert!(push("slug:4", "yesterday").starts_with("Invalid"));
}

#[test]
fn signatures_hang_on_manifests() {
    let Some(docker) = DockerRegistry::start(Wants::default()) else {
        return;
    };
    let store = TempDir::new().unwrap();
    let registry = registry(store.path());
    let tag = reference(&docker.reference("slug:1"));
    let pushed = registry
        .push_plugin(&component("signed", 10), &tag, &Annotate::default())
        .unwrap();
    let subject = pushed.reference;
    let remote = registry.remote();
    assert_eq!(remote.manifests(&subject).unwrap(), Vec::<Vec<u8>>::new());
    assert_eq!(remote.signatures(&subject).unwrap(), None);
    let (config, payload) = (b"{}".to_vec(), b"payload".to_vec());
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":2}},"layers":[{{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","digest":"{}","size":7}}]}}"#,
        digest(&config),
        digest(&payload)
    );
    remote
        .put_signatures(&subject, manifest.as_bytes(), &[config, payload.clone()])
        .unwrap();
    registry.pull_plugin(&subject).unwrap();
    // From another store it comes from the registry; from this one, without.
    let other = TempDir::new().unwrap();
    let there = self::registry(other.path());
    for attachments in [
        &there.remote() as &dyn Attachments,
        &there.local(),
        &registry.local(),
    ] {
        let found = attachments.manifests(&subject).unwrap();
        assert_eq!(found, [manifest.as_bytes()]);
        assert_eq!(attachments.signatures(&subject).unwrap().unwrap(), found[0]);
        let blob = attachments.blob(&subject, &digest(&payload), 7).unwrap();
        assert_eq!(blob, payload);
    }
    let error = there
        .remote()
        .blob(&subject, &digest(b"none"), 100)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    walk(store.path());
    walk(other.path());
    // They go with what they hang on.
    registry.remove(&subject).unwrap();
    assert!(walk(store.path()).is_empty());
}
