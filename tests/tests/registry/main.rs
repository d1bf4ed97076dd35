//! Plugins that travel, from outside: the program and the engines against a
//! real registry on loopback.

#![allow(clippy::unwrap_used)]

mod engines;
mod lock;
mod policy;
mod travel;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wudf_fixtures::KIT;
use wudf_tests::program::{Ran, Wudf, wudf};
use wudf_tests::registry::DockerRegistry;

/// The password of the tests' keys.
const PASSWORD: &str = "of the tests";

/// A registry, and a user with a store and keys of their own.
struct Place {
    folder: TempDir,
    registry: DockerRegistry,
}

impl Place {
    /// None where there is no registry, which was said.
    fn new() -> Option<Self> {
        let registry = DockerRegistry::start()?;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("kit.wasm"), KIT.bytes).unwrap();
        fs::write(folder.path().join("a.csv"), "n,s\n1,a\n2,b\n").unwrap();
        Some(Self { folder, registry })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn store(&self) -> PathBuf {
        self.file("store")
    }

    /// `oci://127.0.0.1:PORT/team/NAME`.
    fn reference(&self, name: &str) -> String {
        self.registry.reference(&format!("team/{name}"))
    }

    fn wudf(&self, words: &[&str]) -> Wudf {
        wudf(self.path(), words)
            .env("WUDF_STORE", self.store())
            .env("WUDF_KEY_PASSWORD", PASSWORD)
    }

    fn run(&self, words: &[&str]) -> Ran {
        self.wudf(words).run()
    }

    /// A run that goes well, and what it printed.
    #[track_caller]
    fn text(&self, words: &[&str]) -> String {
        self.run(words).ends_with(0).text().trim_end().to_owned()
    }

    /// Pushes the test plugin, and gives what it is by digest.
    fn push(&self, name: &str) -> String {
        self.text(&["push", "kit.wasm", &self.reference(name)])
    }

    /// Runs `add_one` of a plugin over the table.
    fn add_one(&self, plugin: &str, more: &[&str]) -> Ran {
        let function = format!("{plugin}:add_one");
        let words = ["run", &function, "a.csv", "--column", "n", "-o", "-"];
        let format = ["--output-format", "csv", "--quiet"];
        let words: Vec<&str> = words.iter().chain(&format).chain(more).copied().collect();
        self.run(&words)
    }

    /// Every name in the store's folder of blobs is its bytes' digest.
    fn check_store(&self) {
        let blobs = self.store().join("blobs/sha256");
        let mut seen = 0;
        for entry in fs::read_dir(blobs).unwrap() {
            let path = entry.unwrap().path();
            let digest = wudf_adapter::reference::digest_of(&fs::read(&path).unwrap());
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(digest.strip_prefix("sha256:"), Some(name));
            seen += 1;
        }
        assert!(seen > 0, "there is nothing in the store");
    }
}

/// What `add_one` makes of the table.
const ADDED: &str = "n,s,add_one,error\n1,a,2,\n2,b,3,\n";
