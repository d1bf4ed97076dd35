//! Manifests of every shape.

use serde_json::{Value, json};
use tempfile::TempDir;
use wudf_registry::{ErrorKind, Registry};

use crate::common::{component, digest, settings, walk};
use crate::place::{Place, slug};
use crate::server::{Content, manifest, model};

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
    // Nor where the blob is known from an honest manifest.
    let mut content = slug(&bytes);
    for (tag, size) in [("more", bytes.len() + 1), ("less", bytes.len() - 1)] {
        let mut layer = content.layer("application/wasm", &bytes, None);
        layer["size"] = json!(size);
        let manifest = manifest(content.blob(b"{}"), &[layer]);
        content.manifest("slug", tag, &manifest);
    }
    let place = Place::new(content, |_, reply, _| reply);
    place.works(&bytes);
    for tag in ["more", "less"] {
        let slug = place.reference("slug").tagged(tag);
        let error = place.registry().pull_plugin(&slug).unwrap_err();
        place.is(&error, ErrorKind::Artifact, &["its manifest names"]);
    }
    // More than is allowed.
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
