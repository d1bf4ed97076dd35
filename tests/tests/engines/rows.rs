//! Forty pictures, for every engine.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Int64Array, StringArray};
use image::ImageFormat;
use serde_json::Value;
use wudf_tests::pictures::{encode, painting};
use wudf_tests::tables::{table, write_parquet};

use crate::skipped;

/// Names, pictures, and the digests that their tensors are known to have.
pub struct Rows {
    pub names: Vec<String>,
    pub pictures: Vec<Vec<u8>>,
    pub reference: BTreeMap<String, String>,
}

impl Rows {
    /// The photographs beside the repository, with what Pillow and torchvision make of
    /// them; where there are none, painted pictures, and that is said.
    pub fn forty() -> Self {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let photos = repository.parent().unwrap().join("shared/photos");
        let rows = match fs::read_to_string(photos.join("reference.json")) {
            Ok(reference) => Self::photographs(&photos, &reference),
            Err(_) => {
                skipped(
                    "the 40 photographs: there is no ../shared/photos with a reference.json beside \
                     the repository; 40 painted pictures are taken",
                );
                Self::painted()
            }
        };
        assert_eq!(rows.pictures.len(), 40);
        rows
    }

    fn photographs(folder: &Path, reference: &str) -> Self {
        let reference: Value = serde_json::from_str(reference).unwrap();
        let reference: BTreeMap<String, String> = reference["photos"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, facts)| {
                let digest = facts["tensor_sha256"].as_str().unwrap();
                (name.clone(), digest.to_owned())
            })
            .collect();
        let names: Vec<String> = reference.keys().cloned().collect();
        let read = |name: &String| fs::read(folder.join(name)).unwrap();
        Self {
            pictures: names.iter().map(read).collect(),
            names,
            reference,
        }
    }

    fn painted() -> Self {
        let paint = |seed: u32| {
            let (width, height) = (180 + 37 * seed % 300, 160 + 53 * seed % 280);
            let format = match seed % 3 {
                0 => ImageFormat::Png,
                _ => ImageFormat::Jpeg,
            };
            encode(painting(width, height, seed), format)
        };
        Self {
            names: (0..40).map(|seed| format!("painting-{seed:02}")).collect(),
            pictures: (0..40).map(paint).collect(),
            reference: BTreeMap::new(),
        }
    }

    /// The pictures as a column.
    pub fn column(&self) -> ArrayRef {
        let pictures = self.pictures.iter().map(Vec::as_slice).collect();
        Arc::new(BinaryArray::from_vec(pictures))
    }

    /// Writes them as a table: `row`, `name` and `content`.
    pub fn write_parquet(&self, path: &Path) {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..40));
        let names: ArrayRef = Arc::new(StringArray::from(self.names.clone()));
        let columns = [
            ("row", numbers),
            ("name", names),
            ("content", self.column()),
        ];
        write_parquet(path, &table(columns));
    }

    /// Writes each to a file, in a folder.
    pub fn write_files(&self, folder: &Path) -> Vec<PathBuf> {
        let write = |(name, picture): (&String, &Vec<u8>)| {
            let path = folder.join(name);
            fs::write(&path, picture).unwrap();
            path
        };
        self.names.iter().zip(&self.pictures).map(write).collect()
    }
}
