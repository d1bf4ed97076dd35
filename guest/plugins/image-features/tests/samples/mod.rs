//! The sample pictures, which lie beside the repository and not in it.

#![allow(dead_code, reason = "not every test file uses all of it")]

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// A picture and what is known about it.
pub struct Sample {
    pub name: String,
    pub bytes: Vec<u8>,
    pub reference: Value,
}

/// The pictures that `reference.json` names in a folder of the samples; none, loudly, where the folder is missing.
pub fn samples(folder: &str) -> impl Iterator<Item = Sample> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared")).join(folder);
    let reference: Value = match fs::read(root.join("reference.json")) {
        Ok(json) => serde_json::from_slice(&json).expect("reference.json"),
        Err(error) => {
            // Past the capture of output: who runs the tests is to see it.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: no sample pictures in {}: {error}",
                root.display()
            );
            Value::Null
        }
    };
    let files = reference
        .get("photos")
        .or(reference.get("files"))
        .and_then(Value::as_object);
    let files = files.cloned().unwrap_or_default();
    files.into_iter().map(move |(name, reference)| {
        let bytes = fs::read(root.join(&name)).expect("a picture that reference.json names");
        Sample {
            name,
            bytes,
            reference,
        }
    })
}

/// In hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}
