//! Pictures, for every engine.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Int64Array, StringArray};
use wudf_tests::samples::Samples;
use wudf_tests::tables::{table, write_parquet};

/// Names, pictures, and the digests that their tensors are known to have.
pub struct Rows {
    pub names: Vec<String>,
    pub pictures: Vec<Vec<u8>>,
    pub reference: BTreeMap<String, String>,
}

impl Rows {
    /// Forty of the repository's pictures, evenly spread over the names and with that over the formats, and the photographs beside
    /// the repository, where there are some.
    pub fn all() -> Self {
        let mut rows = Self {
            names: Vec::new(),
            pictures: Vec::new(),
            reference: BTreeMap::new(),
        };
        let own = Samples::own();
        let names = own.names();
        let some = (0..40).map(|n| names[n * names.len() / 40].clone());
        rows.add(&own, some.collect());
        if let Some(photos) = Samples::shared("photos") {
            rows.add(&photos, photos.names());
        }
        assert!(rows.len() >= 40);
        rows
    }

    fn add(&mut self, samples: &Samples, names: Vec<String>) {
        let tensors = samples.recipes().remove(0).tensors;
        for name in names {
            self.pictures.push(samples.read(&name));
            self.reference.insert(name.clone(), tensors[&name].clone());
            self.names.push(name);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The pictures as a column.
    pub fn column(&self) -> ArrayRef {
        let pictures = self.pictures.iter().map(Vec::as_slice).collect();
        Arc::new(BinaryArray::from_vec(pictures))
    }

    /// Writes them as a table: `row`, `name` and `content`.
    pub fn write_parquet(&self, path: &Path) {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..self.len() as i64));
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
