//! Sample pictures, with what Pillow and torchvision make of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// A folder of pictures, with what its `reference.json` says of them.
#[derive(Debug)]
pub struct Samples {
    folder: PathBuf,
    reference: Value,
}

/// Options of `image-features`, and the digest of each picture's tensor under them.
#[derive(Debug)]
pub struct Recipe {
    /// What the reference calls it.
    pub name: String,
    /// Those that differ from the defaults.
    pub options: Map<String, Value>,
    /// By file name.
    pub tensors: BTreeMap<String, String>,
}

impl Samples {
    /// The repository's own.
    pub fn own() -> Self {
        Self::of(wudf_test_support::pictures())
    }

    /// Those of `../shared/NAME`, where there are some; a skip is recorded where there are none.
    pub fn shared(name: &str) -> Option<Self> {
        wudf_test_support::shared(name).map(Self::of)
    }

    fn of(folder: PathBuf) -> Self {
        let text = fs::read_to_string(folder.join("reference.json")).expect("reference.json");
        let reference = serde_json::from_str(&text).expect("reference.json is JSON");
        Self { folder, reference }
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The names of the pictures, sorted.
    ///
    /// # Panics
    /// When there are none.
    pub fn names(&self) -> Vec<String> {
        let names: Vec<String> = self.files().keys().cloned().collect();
        assert!(!names.is_empty(), "{self:?}");
        names
    }

    /// A picture's bytes.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn read(&self, name: &str) -> Vec<u8> {
        let file = self.folder.join(name);
        fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    }

    /// The recipes that tensors are known for; the first is the default.
    ///
    /// # Panics
    /// When the reference has another shape.
    pub fn recipes(&self) -> Vec<Recipe> {
        let recipe = |name: &str, options: Map<String, Value>, tensors: &Map<String, Value>| {
            let digest = |value: &Value| value.as_str().expect("a digest").to_owned();
            Recipe {
                name: name.to_owned(),
                options,
                tensors: tensors
                    .iter()
                    .map(|(name, value)| (name.clone(), digest(value)))
                    .collect(),
            }
        };
        let Some(recipes) = self.reference["recipes"].as_object() else {
            // References with the default recipe alone have the digest beside the file's other facts.
            let tensors = self.files().iter();
            let tensors =
                tensors.map(|(name, facts)| (name.clone(), facts["tensor_sha256"].clone()));
            return vec![recipe("default", Map::new(), &tensors.collect())];
        };
        let object = |value: &Value| value.as_object().expect("an object").clone();
        let mut all: Vec<Recipe> = recipes
            .iter()
            .map(|(name, facts)| {
                let tensors = object(&facts["tensor_sha256"]);
                recipe(name, object(&facts["options"]), &tensors)
            })
            .collect();
        all.sort_by_key(|recipe| recipe.name != "default");
        assert!(all[0].options.is_empty(), "the first recipe is the default");
        all
    }

    fn files(&self) -> &Map<String, Value> {
        let files = self.reference.get("files").or(self.reference.get("photos"));
        files
            .and_then(Value::as_object)
            .expect("a reference of files or photos")
    }
}

/// The digest of a tensor, as references have it.
pub fn digest(tensor: &[f32]) -> String {
    let bytes: Vec<u8> = tensor.iter().flat_map(|x| x.to_le_bytes()).collect();
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
