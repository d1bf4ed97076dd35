//! Distribution from outside: the program and the engines against a real registry on loopback, and the policies that say which
//! plugins may run, files too.

mod engines;
mod lock;
mod policy;
mod travel;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wudf_fixtures::KIT;
use wudf_test_support::registry::{DockerRegistry, Wants};
use wudf_tests::program::{Ran, Wudf, wudf};

/// The password of the tests' keys.
const PASSWORD: &str = "of the tests";

/// A user with a store and keys of their own, and in some tests a registry.
struct Place {
    folder: TempDir,
    registry: Option<DockerRegistry>,
}

impl Place {
    /// Without a registry.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("kit.wasm"), KIT.bytes).unwrap();
        fs::write(folder.path().join("a.csv"), "n,s\n1,a\n2,b\n").unwrap();
        Self {
            folder,
            registry: None,
        }
    }

    /// With one; none where none is installed, which is recorded as a skip.
    fn with_registry() -> Option<Self> {
        let registry = DockerRegistry::start(Wants::default())?;
        Some(Self {
            registry: Some(registry),
            ..Self::new()
        })
    }

    fn registry(&self) -> &DockerRegistry {
        self.registry.as_ref().expect("a place with a registry")
    }

    /// Stops the registry; references to it stay what they are.
    fn stop_registry(&mut self) {
        self.registry.as_mut().expect("a registry").stop();
    }

    /// Stores the signatures of one manifest as those of another; both are references by digest.
    fn copy_signatures(&self, from: &str, to: &str) {
        let place = |reference: &str| {
            let (_, path) = reference.split_once("://").expect("a reference");
            let (repository, digest) = path.split_once('@').expect("a digest");
            let (host, repository) = repository.split_once('/').expect("a repository");
            let tag = format!("{}.sig", digest.replace(':', "-"));
            format!("http://{host}/v2/{repository}/manifests/{tag}")
        };
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let found = ureq::get(place(from)).header("Accept", kind).call();
        let manifest = found.and_then(|mut found| found.body_mut().read_to_vec());
        let manifest = manifest.expect("there are signatures");
        ureq::put(place(to))
            .content_type(kind)
            .send(&manifest)
            .expect("the registry takes them");
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
        self.registry().reference(&format!("team/{name}"))
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
