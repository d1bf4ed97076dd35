//! Making manifests and configs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Descriptor, EMPTY, MANIFEST, MODEL, Manifest, ONNX_LAYER, OTHER_LAYER, WASM_CONFIG, WASM_LAYER,
};
use crate::component::Component;
use crate::{Error, ErrorKind, Result};

/// A plugin's manifest and config.
pub(crate) fn plugin(
    component: &Component,
    layer: Descriptor,
    created: &str,
    annotations: BTreeMap<String, String>,
) -> Result<(Manifest, Vec<u8>)> {
    // In the order of the specification; what is unknown is written as null.
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Config<'a> {
        created: &'a str,
        author: Option<&'a str>,
        architecture: &'a str,
        os: &'a str,
        layer_digests: [&'a str; 1],
        component: Sides<'a>,
    }
    #[derive(Serialize)]
    struct Sides<'a> {
        exports: &'a [String],
        imports: &'a [String],
        target: Option<&'a str>,
    }
    let config = serde_json::to_vec(&Config {
        created,
        author: annotations
            .get("org.opencontainers.image.authors")
            .map(String::as_str),
        architecture: "wasm",
        os: "wasip2",
        layer_digests: [&layer.digest],
        component: Sides {
            exports: &component.exports,
            imports: &component.imports,
            target: None,
        },
    })
    .map_err(unwritten)?;
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MANIFEST.to_owned()),
        artifact_type: None,
        config: Descriptor::of(WASM_CONFIG, &config),
        layers: vec![Descriptor {
            media_type: WASM_LAYER.to_owned(),
            ..layer
        }],
        annotations: (!annotations.is_empty()).then_some(annotations),
    };
    Ok((manifest, config))
}

/// A model's manifest and config. The first layer is the model.
pub(crate) fn model(
    layers: Vec<Descriptor>,
    annotations: BTreeMap<String, String>,
) -> (Manifest, Vec<u8>) {
    let config = b"{}".to_vec();
    let layers = layers.into_iter().enumerate().map(|(i, layer)| Descriptor {
        media_type: if i == 0 { ONNX_LAYER } else { OTHER_LAYER }.to_owned(),
        ..layer
    });
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MANIFEST.to_owned()),
        artifact_type: Some(MODEL.to_owned()),
        config: Descriptor::of(EMPTY, &config),
        layers: layers.collect(),
        annotations: (!annotations.is_empty()).then_some(annotations),
    };
    (manifest, config)
}

impl Manifest {
    pub(crate) fn write(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(unwritten)
    }
}

fn unwritten(e: serde_json::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write a manifest: {e}"))
}
