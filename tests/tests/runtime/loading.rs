//! What is a plugin, what is said of everything else, and where its code is
//! kept.

use std::path::Path;

use wudf::{Cache, Error, ErrorKind, Plugin, Runtime};
use wudf_artifacts::SHIPPED;
use wudf_fixtures::KIT;
use wudf_tests::host::{assert_tame, builder, ints, small, to_ints};

fn refused(bytes: &[u8]) -> Error {
    let session = builder().limits(small()).threads(1).build().unwrap();
    let error = Plugin::from_bytes(&session, "it", bytes).unwrap_err();
    assert_tame(&error.to_string());
    assert_eq!(error.plugin(), Some("it"));
    error
}

#[track_caller]
fn assert_says(bytes: &[u8], kind: ErrorKind, words: &str) {
    let error = refused(bytes);
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn what_is_no_plugin() {
    use ErrorKind::InvalidPlugin;
    assert_says(b"", InvalidPlugin, "not a WebAssembly file");
    assert_says(
        b"#!/bin/sh\n\x1b[2J",
        InvalidPlugin,
        "not a WebAssembly file",
    );
    assert_says(b"(component)", InvalidPlugin, "not a WebAssembly file");
    assert_says(b"\0asm\x01\0\0\0", InvalidPlugin, "wasm32-wasip2");
    assert_says(
        b"\0asm\x0d\0\x01\0",
        InvalidPlugin,
        "wudf:plugin/scalar@0.2.0",
    );
    assert_says(b"\0asm\x0d\0\x01\0garbage", InvalidPlugin, "component");
    assert_says(b"\0asm", InvalidPlugin, "component");
    for cut in [9, 100, KIT.bytes.len() / 2, KIT.bytes.len() - 1] {
        assert_says(&KIT.bytes[..cut], InvalidPlugin, "component");
    }
}

/// A plugin with wrong bytes is refused, or at worst is another plugin; the session that it was loaded into works on.
#[test]
fn damaged_plugins_do_no_harm() {
    let runtime = Runtime::builder().cache(Cache::Off).build().unwrap();
    let session = runtime
        .session()
        .limits(small())
        .threads(1)
        .build()
        .unwrap();
    let len = KIT.bytes.len();
    let mut refused = 0;
    for i in 0..12 {
        let mut bytes = KIT.bytes.to_vec();
        let at = len / 13 * i + 8;
        bytes[at..at + 16].fill(0xff);
        match Plugin::from_bytes(&session, "it", &bytes) {
            Ok(plugin) => assert!(!plugin.signatures().is_empty()),
            Err(error) => {
                assert_tame(&error.to_string());
                refused += 1;
            }
        }
    }
    // Most of the file is code, and 0xff is no instruction; the rest is data, which may say anything.
    assert!(refused >= 6, "{refused} of 12 were refused");
    // The session is as good as before.
    let plugin = Plugin::from_bytes(&session, "it", KIT.bytes).unwrap();
    let add_one = plugin.open("add_one", &serde_json::json!({})).unwrap();
    assert_eq!(to_ints(&add_one.call(&[ints([1, 2])]).unwrap()), [2, 3]);
}

/// The kit with one text in it replaced by another of its length.
fn patched(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = KIT.bytes.to_vec();
    let mut found = 0;
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from.as_bytes()) {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            found += 1;
        }
    }
    assert!(found > 0, "{from} is not in the kit");
    bytes
}

#[test]
fn another_contract() {
    let other = patched("wudf:plugin/scalar@0.2.0", "wudf:plugin/scalar@0.9.0");
    assert_says(&other, ErrorKind::Unsupported, "0.9.0");
    assert_says(&other, ErrorKind::Unsupported, "this is 0.2.0");
    let more = patched("wudf:plugin/assets@0.2.0", "wudf:plugin/planet@0.2.0");
    assert_says(&more, ErrorKind::Unsupported, "wudf:plugin/planet");
}

#[test]
fn a_plugin_says_what_it_is() {
    let session = builder().limits(small()).threads(1).build().unwrap();
    let plugin = Plugin::from_file(&session, KIT.path).unwrap();
    assert_eq!(plugin.name(), Path::new(KIT.path).file_stem().unwrap());
    assert_eq!(plugin.size(), KIT.bytes.len());
    let digest = plugin.digest().strip_prefix("sha256:").unwrap();
    use sha2::Digest;
    let wanted = sha2::Sha256::digest(KIT.bytes);
    assert_eq!(
        digest,
        wanted
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
    );
    assert!(
        plugin
            .imports()
            .iter()
            .any(|i| i.starts_with("wudf:plugin/assets@"))
    );
    let weigh = plugin
        .signatures()
        .iter()
        .find(|s| s.name == "weigh")
        .unwrap();
    assert_eq!(
        weigh.to_string(),
        "weigh(count: int32, weight: float64) -> float64"
    );
    assert_eq!(
        weigh.doc.lines().next(),
        Some("The sum of two numbers of different types.")
    );

    let error = Plugin::from_file(&session, "no/such.wasm").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("no/such.wasm"), "{error}");
}

#[test]
fn what_ships_is_loaded() {
    let session = builder().threads(1).build().unwrap();
    for artifact in SHIPPED {
        let plugin = Plugin::from_bytes(&session, artifact.name, artifact.bytes).unwrap();
        assert!(!plugin.signatures().is_empty(), "{}", artifact.name);
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push(path);
        }
    }
    all.sort();
    all
}

#[test]
fn compiled_code_is_kept_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let works = || {
        let cached = Cache::Folder(cache.clone());
        let runtime = Runtime::builder().cache(cached).build().unwrap();
        let session = runtime.session().limits(small()).threads(1);
        let session = session.build().unwrap();
        let plugin = Plugin::from_bytes(&session, "kit", KIT.bytes).unwrap();
        let add_one = plugin.open("add_one", &serde_json::Value::Null).unwrap();
        assert_eq!(to_ints(&add_one.call(&[ints([1, 2])]).unwrap()), [2, 3]);
        plugin.digest().to_owned()
    };
    let digest = works();
    let kept = files(&cache);
    assert!(!kept.is_empty());
    assert_eq!(works(), digest);
    let code = |files: &[std::path::PathBuf]| {
        let code = files.iter().filter(|f| f.extension().is_none()).cloned();
        code.collect::<Vec<_>>()
    };
    assert_eq!(
        code(&files(&cache)),
        code(&kept),
        "the second load found the first one's code"
    );
    for damage in [&b""[..], b"garbage", &[0; 4096]] {
        for file in code(&kept) {
            std::fs::write(file, damage).unwrap();
        }
        assert_eq!(works(), digest);
    }
    for file in code(&kept) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    }
    assert_eq!(works(), digest);
}

#[test]
fn a_cache_folder_that_is_none() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let cache = Cache::Folder(file.path().to_owned());
    let result = Runtime::builder().cache(cache).build();
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert!(
        error.to_string().contains(file.path().to_str().unwrap()),
        "{error}"
    );
}
