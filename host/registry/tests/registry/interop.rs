//! What we push others pull, and the reverse, byte for byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use wudf_registry::Annotate;

use crate::common::{Docker, Wants, component, digest, program, registry, skipped, walk};

/// A program that a variable names, or that is on the `PATH`.
fn tool(variable: &str, name: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable)
        .map(PathBuf::from)
        .or_else(|| program(name));
    if found.is_none() {
        skipped(&format!("no {name} on the PATH, and {variable} names none"));
    }
    found
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The manifest of a reference, and its config, as the registry keeps them.
fn kept(docker: &Docker, digest: &str) -> Value {
    let hex = &digest[7..];
    let path = format!(
        "data/docker/registry/v2/blobs/sha256/{}/{hex}/data",
        &hex[..2]
    );
    serde_json::from_slice(&fs::read(docker.folder.path().join(path)).unwrap()).unwrap()
}

#[test]
fn with_wkg() {
    let Some(wkg) = tool("WUDF_TEST_WKG", "wkg") else {
        return;
    };
    let Some(docker) = Docker::start(&Wants::default()) else {
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
            .args(["--insecure", &docker.host]);
        run(command
            .current_dir(at)
            .env("HOME", at)
            .env("DOCKER_CONFIG", at.join("docker")))
    };
    let reference = |tag: &str| format!("{}/team/slug:{tag}", docker.host);

    let ours = component("ours", 300_000);
    let pushed = registry
        .push_plugin(
            &ours,
            &docker.reference("team/slug:ours"),
            &Annotate::default(),
        )
        .unwrap();
    wkg(&["pull", &reference("ours"), "-o", "pulled.wasm"]);
    assert_eq!(
        digest(&fs::read(at.join("pulled.wasm")).unwrap()),
        digest(&ours)
    );

    let theirs = component("theirs", 300_000);
    fs::write(at.join("theirs.wasm"), &theirs).unwrap();
    wkg(&["push", &reference("theirs"), "theirs.wasm"]);
    let pulled = registry
        .pull_plugin(&docker.reference("team/slug:theirs"))
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
    let Some(python) = tool("WUDF_TEST_PYTHON_ORAS", "python3") else {
        return;
    };
    let there = Command::new(&python)
        .args(["-c", "import oras"])
        .output()
        .unwrap();
    if !there.status.success() {
        return skipped("python3 has no oras, and WUDF_TEST_PYTHON_ORAS names none that has");
    }
    let Some(docker) = Docker::start(&Wants::default()) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let registry = registry(&at.join("store"));
    let oras = |text: &str| {
        let text = format!(
            "import oras.client\nclient = oras.client.OrasClient(hostname={:?}, insecure=True)\n{text}",
            docker.host
        );
        run(Command::new(&python)
            .args(["-c", &text])
            .current_dir(at)
            .env("HOME", at)
            .env("DOCKER_CONFIG", at.join("docker")))
    };
    let reference = |rest: &str| format!("{}/{rest}", docker.host);

    let ours = component("ours", 300_000);
    let mut annotate = Annotate::default();
    annotate.title = Some("slug.wasm".into());
    registry
        .push_plugin(&ours, &docker.reference("slug:ours"), &annotate)
        .unwrap();
    let pull = |target: &str, to: &str| {
        oras(&format!(
            "client.pull(target={:?}, outdir={to:?})",
            reference(target)
        ));
    };
    pull("slug:ours", "out");
    assert_eq!(
        digest(&fs::read(at.join("out/slug.wasm")).unwrap()),
        digest(&ours)
    );
    let files = write(at, &[("net.onnx", "graph"), ("net.data", "weights")]);
    registry
        .push_model(&files, &docker.reference("net:ours"), &Annotate::default())
        .unwrap();
    pull("net:ours", "net");
    assert_eq!(fs::read(at.join("net/net.onnx")).unwrap(), b"graph");
    assert_eq!(fs::read(at.join("net/net.data")).unwrap(), b"weights");

    let theirs = component("theirs", 300_000);
    fs::write(at.join("theirs.wasm"), &theirs).unwrap();
    let push = |target: &str, files: &str| {
        oras(&format!(
            "client.push(target={:?}, files={files})",
            reference(target)
        ));
    };
    push("slug:theirs", "['theirs.wasm:application/wasm']");
    let pulled = registry
        .pull_plugin(&docker.reference("slug:theirs"))
        .unwrap();
    assert_eq!(digest(&pulled.bytes), digest(&theirs));
    push(
        "net:theirs",
        "['net.data:application/octet-stream', 'net.onnx:application/onnx']",
    );
    let model = registry
        .pull_model(&docker.reference("net:theirs"))
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
    let Some(skopeo) = tool("WUDF_TEST_SKOPEO", "skopeo") else {
        return;
    };
    let Some(docker) = Docker::start(&Wants::default()) else {
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
    let remote = |rest: &str| format!("docker://{}/{rest}", docker.host);

    let ours = component("ours", 300_000);
    let pushed = registry
        .push_plugin(&ours, &docker.reference("slug:ours"), &Annotate::default())
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
        .pull_plugin(&docker.reference("mirror/slug:1"))
        .unwrap();
    assert_eq!(pulled.bytes, ours);
    assert_eq!(pulled.reference.digest(), pushed.reference.digest());
    walk(&at.join("store"));
}
