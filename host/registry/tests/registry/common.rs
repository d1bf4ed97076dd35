//! What the tests share: components, stores, other processes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use sha2::{Digest, Sha256};
use wudf_registry::{Reference, Registry, Settings};

/// A component with some bytes of its own.
pub fn component(seed: &str, len: usize) -> Vec<u8> {
    let mut bytes = wat::parse_str(
        r#"(component (import "wasi:io/poll@0.2.0" (instance $i))
            (export "wudf:plugin/scalar@0.2.0" (instance $i)))"#,
    )
    .unwrap();
    // What does not compress or repeat, so that no piece is another.
    let mut filling = Vec::new();
    let mut block = Sha256::digest(seed.as_bytes());
    while filling.len() < len {
        filling.extend(block);
        block = Sha256::digest(block);
    }
    filling.truncate(len);
    let mut section = vec![4];
    section.extend(b"fill");
    section.extend(filling);
    bytes.push(0);
    bytes.extend(leb(section.len()));
    bytes.extend(section);
    bytes
}

fn leb(mut n: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (n & 0x7f) as u8;
        n >>= 7;
        bytes.push(if n > 0 { low | 0x80 } else { low });
        if n == 0 {
            return bytes;
        }
    }
}

pub fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

pub fn settings(store: &Path) -> Settings {
    let mut settings = Settings::default();
    settings.store = Some(store.to_owned());
    settings.backoff = Duration::from_millis(1);
    settings
}

pub fn registry(store: &Path) -> Registry {
    Registry::new(settings(store)).unwrap()
}

pub fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

/// Every blob in a store is what its name says, and everything that is not a
/// blob has its name from one.
pub fn walk(store: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let blobs = store.join("blobs").join("sha256");
    for entry in fs::read_dir(blobs).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(digest(&bytes), format!("sha256:{name}"), "a wrong blob");
        found.insert(format!("sha256:{name}"), bytes.len() as u64);
    }
    for entry in fs::read_dir(store.join("models")).into_iter().flatten() {
        for file in fs::read_dir(entry.unwrap().path()).unwrap() {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            assert!(found.contains_key(&digest(&bytes)), "a wrong model");
        }
    }
    // Nothing beside them but what belongs there.
    for entry in fs::read_dir(store).into_iter().flatten() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let known = ["blobs", "lock", "models", "partial", "repositories"];
        assert!(known.contains(&name.as_str()), "{name} in the store");
    }
    found
}

/// This test program again, as another process; see `processes::another`.
pub fn child(doing: &str, store: &Path, reference: &Reference) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "processes::another", "--nocapture"])
        .env("WUDF_TEST_CHILD", doing)
        .env("WUDF_TEST_STORE", store)
        .env("WUDF_TEST_REFERENCE", reference.to_string())
        .env("DOCKER_CONFIG", store.join("no-docker-config"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for name in [
        "WUDF_REGISTRY",
        "WUDF_REGISTRY_USERNAME",
        "WUDF_REGISTRY_PASSWORD",
        "REGISTRY_AUTH_FILE",
        "SOURCE_DATE_EPOCH",
    ] {
        command.env_remove(name);
    }
    command
}

/// What a child process reports that it did.
pub fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = text.lines().find_map(|line| line.split_once("child: "));
    match said {
        Some((_, said)) => said.to_owned(),
        None => panic!("the child said nothing: {output:?}"),
    }
}
