//! The SDK, as this program carries it: the files of its crates as they are
//! published, whose manifests stand on their own where there is no workspace.

use anyhow::{Context as _, Result};
use toml::{Table, Value};

include!(concat!(env!("OUT_DIR"), "/carried.rs"));

/// The crates of the SDK.
pub const CRATES: [&str; 2] = ["wudf-guest", "wudf-guest-macros"];

/// Where a crate of the SDK is in the repository.
fn folder(name: &str) -> &'static str {
    match name {
        "wudf-guest" => "guest/sdk",
        _ => "guest/sdk-macros",
    }
}

/// The files of the SDK, in a folder for each of its crates.
pub fn files() -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for name in CRATES {
        let folder = format!("{}/", folder(name));
        for (path, text) in FILES {
            let Some(file) = path.strip_prefix(&folder) else {
                continue;
            };
            let text = match file {
                "Cargo.toml" => manifest_of(name)?.to_string(),
                _ => (*text).to_owned(),
            };
            files.push((format!("{name}/{file}"), text));
        }
        let license = carried("LICENSE")?.to_owned();
        files.push((format!("{name}/LICENSE"), license));
    }
    Ok(files)
}

/// A file of the repository.
pub fn carried(name: &str) -> Result<&'static str> {
    let file = FILES.iter().find(|(known, _)| *known == name);
    file.map(|(_, text)| *text)
        .with_context(|| format!("this wudf was built without {name}"))
}

/// The manifest of a crate as cargo publishes it: with what it takes from the workspace in it, with versions in place of
/// paths, and without what only the repository's own tests and lints need.
pub fn manifest_of(name: &str) -> Result<Table> {
    let name = format!("{}/Cargo.toml", folder(name));
    let workspace: Table = carried("Cargo.toml")?.parse()?;
    let workspace = workspace
        .get("workspace")
        .and_then(Value::as_table)
        .context("the manifest has no workspace")?;
    let mut manifest: Table = carried(&name)?.parse()?;
    for unwanted in ["dev-dependencies", "lints"] {
        manifest.remove(unwanted);
    }
    if let Some(package) = table_mut(&mut manifest, "package") {
        let given = workspace.get("package").and_then(Value::as_table);
        for (key, value) in package.iter_mut() {
            if inherits(value) {
                let found = given.and_then(|given| given.get(key));
                *value = found
                    .with_context(|| format!("the workspace has no {key}"))?
                    .clone();
            }
        }
    }
    if let Some(dependencies) = table_mut(&mut manifest, "dependencies") {
        let given = workspace.get("dependencies").and_then(Value::as_table);
        for (key, value) in dependencies.iter_mut() {
            if inherits(value) {
                let found = given.and_then(|given| given.get(key));
                let found = found.with_context(|| format!("the workspace has no {key}"))?;
                *value = merged(found, value);
            }
        }
    }
    Ok(manifest)
}

fn table_mut<'a>(table: &'a mut Table, key: &str) -> Option<&'a mut Table> {
    table.get_mut(key).and_then(Value::as_table_mut)
}

fn inherits(value: &Value) -> bool {
    value
        .get("workspace")
        .and_then(Value::as_bool)
        .unwrap_or_default()
}

/// A dependency of the workspace, with the features that a member adds.
fn merged(given: &Value, own: &Value) -> Value {
    let mut whole = match given {
        Value::Table(table) => table.clone(),
        version => Table::from_iter([("version".to_owned(), version.clone())]),
    };
    if whole.contains_key("version") {
        whole.remove("path");
    }
    for (key, value) in own.as_table().into_iter().flatten() {
        match (key.as_str(), value) {
            ("workspace", _) => {}
            ("features", Value::Array(more)) => {
                let features = whole
                    .entry("features")
                    .or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(features) = features {
                    let new = more.iter().filter(|one| !features.contains(one));
                    let new: Vec<Value> = new.cloned().collect();
                    features.extend(new);
                }
            }
            _ => {
                whole.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Table(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_stand_alone() {
        let manifest = manifest_of("wudf-guest").unwrap();
        let text = manifest.to_string();
        assert!(!text.contains("workspace"), "{text}");
        assert!(!text.contains("dev-dependencies"), "{text}");
        assert!(!text.contains("path"), "{text}");
        assert_eq!(
            manifest["package"]["version"].as_str(),
            Some(env!("CARGO_PKG_VERSION"))
        );
        let dependencies = &manifest["dependencies"];
        assert_eq!(
            dependencies["wudf-guest-macros"]["version"].as_str(),
            Some(env!("CARGO_PKG_VERSION"))
        );
        let macros = manifest_of("wudf-guest-macros").unwrap().to_string();
        assert!(!macros.contains("workspace"), "{macros}");
    }

    #[test]
    fn a_dependency_has_the_features_of_both() {
        let table = |text: &str| Value::Table(text.parse().unwrap());
        let given = table("version = '1'\npath = '../a'\nfeatures = ['a', 'b']");
        let own = table("workspace = true\noptional = true\nfeatures = ['b', 'c']");
        let whole = table("version = '1'\noptional = true\nfeatures = ['a', 'b', 'c']");
        assert_eq!(merged(&given, &own), whole);
    }

    #[test]
    fn only_the_sdk_leaves_the_repository() {
        let files = files().unwrap();
        for name in ["LICENSE", "Cargo.toml", "src/lib.rs"] {
            for krate in CRATES {
                let file = format!("{krate}/{name}");
                assert!(files.iter().any(|(known, _)| *known == file), "{file}");
            }
        }
        let outside = |name: &str| {
            !CRATES
                .iter()
                .any(|krate| name.starts_with(&format!("{krate}/")))
        };
        assert!(!files.iter().any(|(name, _)| outside(name)));
    }
}
