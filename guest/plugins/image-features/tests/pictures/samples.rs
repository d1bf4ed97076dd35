//! Sample pictures: the repository's own, and those that lie beside it on some machines.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

/// A picture and what is known about it.
pub struct Sample {
    pub name: String,
    pub bytes: Vec<u8>,
    /// Its entry in `reference.json`.
    pub facts: Value,
}

/// The repository's pictures of every format, and where there are any the larger ones of `../shared/formats`.
pub fn formats() -> Vec<Sample> {
    folders(&["formats"])
        .iter()
        .flat_map(|(folder, reference)| read(folder, reference))
        .collect()
}

/// The same and the photographs of `../shared/photos`.
pub fn all() -> Vec<Sample> {
    folders(&["formats", "photos"])
        .iter()
        .flat_map(|(folder, reference)| read(folder, reference))
        .collect()
}

/// A picture's digest of its tensor under a recipe.
pub struct Tensor {
    pub name: String,
    pub bytes: Vec<u8>,
    pub recipe: String,
    /// The options that differ from the defaults.
    pub options: Value,
    pub sha256: String,
}

/// All pictures with each recipe that their reference has.
pub fn tensors() -> Vec<Tensor> {
    let mut found = Vec::new();
    for (folder, reference) in folders(&["formats", "photos"]) {
        let samples = read(&folder, &reference);
        let recipes = reference["recipes"].as_object();
        for sample in &samples {
            let mut add = |recipe: &str, options: &Value, sha256: &Value| {
                found.push(Tensor {
                    name: sample.name.clone(),
                    bytes: sample.bytes.clone(),
                    recipe: recipe.to_owned(),
                    options: options.clone(),
                    sha256: sha256.as_str().expect("a digest").to_owned(),
                });
            };
            match recipes {
                Some(recipes) => recipes.iter().for_each(|(name, recipe)| {
                    add(
                        name,
                        &recipe["options"],
                        &recipe["tensor_sha256"][&sample.name],
                    );
                }),
                // With the default recipe alone.
                None => add("default", &Value::Null, &sample.facts["tensor_sha256"]),
            }
        }
    }
    found
}

/// The repository's folder, and those of `../shared` that there are, each with its reference.
fn folders(shared: &[&str]) -> Vec<(PathBuf, Value)> {
    let shared = shared.iter().copied().filter_map(wudf_test_support::shared);
    std::iter::once(wudf_test_support::pictures())
        .chain(shared)
        .map(|folder| {
            let json = fs::read(folder.join("reference.json")).expect("reference.json");
            let reference = serde_json::from_slice(&json).expect("reference.json is JSON");
            (folder, reference)
        })
        .collect()
}

fn read(folder: &Path, reference: &Value) -> Vec<Sample> {
    let files = reference.get("photos").or(reference.get("files"));
    let files = files.and_then(Value::as_object).expect("names of files");
    assert!(!files.is_empty(), "{}", folder.display());
    files
        .iter()
        .map(|(name, facts)| Sample {
            name: name.clone(),
            bytes: fs::read(folder.join(name)).expect("a picture that reference.json names"),
            facts: facts.clone(),
        })
        .collect()
}

/// In hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}
