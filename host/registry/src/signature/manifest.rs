//! The manifest that signatures are layers of.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::payload;
use crate::key::sha256;
use crate::{Error, ErrorKind, Result};

pub(super) const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// As many as cosign reads.
const LAYERS: usize = 1000;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// What is read of a manifest, whoever wrote it.
#[derive(Deserialize)]
pub(super) struct Manifest {
    #[serde(default)]
    pub(super) layers: Vec<Layer>,
    #[serde(default)]
    pub(super) annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Layer {
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(default)]
    pub(super) annotations: Option<BTreeMap<String, String>>,
}

/// The layer of a payload and its signature.
pub(super) fn signed_layer(payload: &[u8], signature: &str) -> Value {
    json!({
        "mediaType": payload::MEDIA_TYPE,
        "size": payload.len(),
        "digest": sha256(payload),
        "annotations": { SIGNATURE: signature },
    })
}

/// A manifest, and the blobs to put before it.
pub(crate) type Appended = (Vec<u8>, Vec<Vec<u8>>);

/// The manifest with one more layer, and the blobs that this takes; `None` when
/// it has that very layer. What else stands in the manifest stays.
///
/// # Errors
/// [`ErrorKind::Artifact`] when it is no such manifest,
/// [`ErrorKind::TooLarge`] when it is full.
pub(crate) fn append(
    there: Option<&[u8]>,
    layer: Value,
    blob: Vec<u8>,
) -> Result<Option<Appended>> {
    let other = || {
        Error::new(
            ErrorKind::Artifact,
            "under the tag of its signatures (sha256-HEX.sig) the registry has something else, which is left alone; delete that tag to sign anew",
        )
    };
    let mut manifest: Value = match there {
        Some(bytes) => serde_json::from_slice(bytes).map_err(|_| other())?,
        None => json!({ "schemaVersion": 2, "mediaType": MANIFEST, "layers": [] }),
    };
    let is_manifest = matches!(
        manifest.get("mediaType").and_then(Value::as_str),
        None | Some(MANIFEST | DOCKER_MANIFEST)
    );
    if !is_manifest || manifest.get("manifests").is_some() {
        return Err(other());
    }
    let layers = manifest
        .get_mut("layers")
        .and_then(Value::as_array_mut)
        .ok_or_else(other)?;
    let same = |there: &Value| {
        ["digest", "mediaType", "annotations"]
            .iter()
            .all(|part| there.get(part) == layer.get(part))
    };
    if layers.iter().any(same) {
        return Ok(None);
    }
    if layers.len() >= LAYERS {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!(
                "it has {} signatures, more than anyone reads; delete the tag of its signatures (sha256-HEX.sig) to sign anew",
                layers.len()
            ),
        ));
    }
    layers.push(layer);
    let config = config(layers);
    let media_type = manifest
        .pointer("/config/mediaType")
        .and_then(Value::as_str)
        .unwrap_or(CONFIG)
        .to_owned();
    let Some(fields) = manifest.as_object_mut() else {
        return Err(other());
    };
    fields.insert(
        "config".into(),
        json!({ "mediaType": media_type, "size": config.len(), "digest": sha256(&config) }),
    );
    let bytes = serde_json::to_vec(&manifest).map_err(|_| other())?;
    Ok(Some((bytes, vec![blob, config])))
}

/// An image's configuration whose layers these are, as cosign has it: nothing
/// in it is compressed, so that a layer's two digests are the same.
fn config(layers: &[Value]) -> Vec<u8> {
    let created = "0001-01-01T00:00:00Z";
    json!({
        "architecture": "",
        "created": created,
        "history": vec![json!({ "created": created }); layers.len()],
        "os": "",
        "rootfs": {
            "type": "layers",
            "diff_ids": layers.iter().map(|layer| layer.get("digest")).collect::<Vec<_>>(),
        },
        "config": {},
    })
    .to_string()
    .into_bytes()
}
