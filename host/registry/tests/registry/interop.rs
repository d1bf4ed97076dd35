//! wkg, oras and skopeo pull what we push, and the reverse, byte for byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use wudf_registry::Annotate;
use wudf_test_support::registry::{DockerRegistry, Wants};
use wudf_test_support::{skipped, tool};

use crate::common::{component, digest, reference, registry, walk};

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A manifest or config, as the registry keeps it.
fn kept(docker: &DockerRegistry, digest: &str) -> Value {
    serde_json::from_slice(&fs::read(docker.blob(digest)).unwrap()).unwrap()
}

#[test]
fn with_wkg() {
    let Some(wkg) = tool("WUDF_TEST_WKG", "wkg", "plugins are not exchanged with it") else {
        return;
    };
    let Some(docker) = DockerRegistry::start(Wants::default()) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let registry = registry(&at.join("store"));
    let wkg = |arguments: &[&str]| {
        let mut command = Command::new(&wkg);
        command
            .args(["oci"])
            .args(arguments)
            .args(["--insecure", &docker.host()]);
        run(command
            .current_dir(at)
            .env("HOME", at)
            .env("DOCKER_CONFIG", at.join("docker")))
    };
    let place = |tag: &str| format!("{}/team/slug:{tag}", docker.host());

    let ours = component("ours", 300_000);
    let pushed = registry
        .push_plugin(
            &ours,
            &reference(&docker.reference("team/slug:ours")),
            &Annotate::default(),
        )
        .unwrap();
    wkg(&["pull", &place("ours"), "-o", "pulled.wasm"]);
    assert_eq!(
        digest(&fs::read(at.join("pulled.wasm")).unwrap()),
        digest(&ours)
    );

    let theirs = component("theirs", 300_000);
    fs::write(at.join("theirs.wasm"), &theirs).unwrap();
    wkg(&["push", &place("theirs"), "theirs.wasm"]);
    let pulled = registry
        .pull_plugin(&reference(&docker.reference("team/slug:theirs")))
        .unwrap();
    assert_eq!(digest(&pulled.bytes), digest(&theirs));
    walk(&at.join("store"));

    // Both say the same in the same places.
    let shape = |digest: &str| {
        let manifest = kept(&docker, digest);
        let config = kept(&docker, manifest["config"]["digest"].as_str().unwrap());
        (manifest, config)
    };
    let (our_manifest, our_config) = shape(pushed.reference.digest().unwrap());
    let (their_manifest, their_config) = shape(pulled.reference.digest().unwrap());
    for key in ["schemaVersion", "mediaType"] {
        assert_eq!(our_manifest[key], their_manifest[key], "{key}");
    }
    for (ours, theirs) in [
        (&our_manifest["config"], &their_manifest["config"]),
        (&our_manifest["layers"][0], &their_manifest["layers"][0]),
    ] {
        assert_eq!(ours["mediaType"], theirs["mediaType"]);
    }
    let keys = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&our_config), keys(&their_config));
    for key in ["architecture", "os", "author", "component"] {
        assert_eq!(our_config[key], their_config[key], "{key}");
    }
}

#[test]
fn with_oras() {
    let Some(python) = tool(
        "WUDF_TEST_PYTHON_ORAS",
        "python3",
        "plugins are not exchanged with oras",
    ) else {
        return;
    };
    let there = Command::new(&python)
        .args(["-c", "import oras"])
        .output()
        .unwrap();
    if !there.status.success() {
        return skipped(&format!(
            "{} has no oras: plugins are not exchanged with it",
            python.display()
        ));
    }
    let Some(docker) = DockerRegistry::start(Wants::default()) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let registry = registry(&at.join("store"));
    let oras = |text: &str| {
        let text = format!(
            "import oras.client\nclient = oras.client.OrasClient(hostname={:?}, insecure=True)\n{text}",
            docker.host()
        );
        run(Command::new(&python)
            .args(["-c", &text])
            .current_dir(at)
            .env("HOME", at)
            .env("DOCKER_CONFIG", at.join("docker")))
    };
    let place = |rest: &str| format!("{}/{rest}", docker.host());

    let ours = component("ours", 300_000);
    let annotate = Annotate {
        title: Some("slug.wasm".into()),
        ..Annotate::default()
    };
    registry
        .push_plugin(&ours, &reference(&docker.reference("slug:ours")), &annotate)
        .unwrap();
    let pull = |target: &str, to: &str| {
        oras(&format!(
            "client.pull(target={:?}, outdir={to:?})",
            place(target)
        ));
    };
    pull("slug:ours", "out");
    assert_eq!(
        digest(&fs::read(at.join("out/slug.wasm")).unwrap()),
        digest(&ours)
    );
    let files = write(at, &[("net.onnx", "graph"), ("net.data", "weights")]);
    registry
        .push_model(
            &files,
            &reference(&docker.reference("net:ours")),
            &Annotate::default(),
        )
        .unwrap();
    pull("net:ours", "net");
    assert_eq!(fs::read(at.join("net/net.onnx")).unwrap(), b"graph");
    assert_eq!(fs::read(at.join("net/net.data")).unwrap(), b"weights");

    let theirs = component("theirs", 300_000);
    fs::write(at.join("theirs.wasm"), &theirs).unwrap();
    let push = |target: &str, files: &str| {
        oras(&format!(
            "client.push(target={:?}, files={files})",
            place(target)
        ));
    };
    push("slug:theirs", "['theirs.wasm:application/wasm']");
    let pulled = registry
        .pull_plugin(&reference(&docker.reference("slug:theirs")))
        .unwrap();
    assert_eq!(digest(&pulled.bytes), digest(&theirs));
    push(
        "net:theirs",
        "['net.data:application/octet-stream', 'net.onnx:application/onnx']",
    );
    let model = registry
        .pull_model(&reference(&docker.reference("net:theirs")))
        .unwrap();
    assert_eq!(model.path.file_name().unwrap(), "net.onnx");
    assert_eq!(fs::read(&model.path).unwrap(), b"graph");
    assert_eq!(
        fs::read(model.path.with_file_name("net.data")).unwrap(),
        b"weights"
    );
    walk(&at.join("store"));
}

fn write(at: &Path, files: &[(&str, &str)]) -> Vec<PathBuf> {
    files
        .iter()
        .map(|(name, text)| {
            fs::write(at.join(name), text).unwrap();
            at.join(name)
        })
        .collect()
}

#[test]
fn with_skopeo() {
    let Some(skopeo) = tool("WUDF_TEST_SKOPEO", "skopeo", "plugins are not copied by it") else {
        return;
    };
    let Some(docker) = DockerRegistry::start(Wants::default()) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let registry = registry(&at.join("store"));
    let skopeo = |arguments: &[&str]| {
        run(Command::new(&skopeo)
            .args(arguments)
            .current_dir(at)
            .env("HOME", at))
    };
    let remote = |rest: &str| format!("docker://{}/{rest}", docker.host());

    let ours = component("ours", 300_000);
    let pushed = registry
        .push_plugin(
            &ours,
            &reference(&docker.reference("slug:ours")),
            &Annotate::default(),
        )
        .unwrap();
    let copy = |from: &str, to: &str| {
        skopeo(&[
            "--insecure-policy",
            "copy",
            "--preserve-digests",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
            from,
            to,
        ]);
    };
    copy(&remote("slug:ours"), "dir:copy");
    let layer = fs::read(at.join("copy").join(&pushed.layer[7..])).unwrap();
    assert_eq!(digest(&layer), digest(&ours));
    copy("dir:copy", &remote("mirror/slug:1"));
    let pulled = registry
        .pull_plugin(&reference(&docker.reference("mirror/slug:1")))
        .unwrap();
    assert_eq!(pulled.bytes, ours);
    assert_eq!(pulled.reference.digest(), pushed.reference.digest());
    walk(&at.join("store"));
}
