//! The SDK, as this program carries it: the sources of its repository, whose
//! manifests must stand on their own where there is no workspace.

use anyhow::{Context as _, Result};
use toml::{Table, Value};

include!(concat!(env!("OUT_DIR"), "/carried.rs"));

/// The files of the SDK, by their names in a folder of its own.
pub fn files() -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for (name, text) in FILES {
        let text = match *name {
            "Cargo.toml" | "Cargo.lock" => continue,
            manifest if manifest.ends_with("/Cargo.toml") => manifest_of(manifest)?.to_string(),
            _ => (*text).to_owned(),
        };
        files.push(((*name).to_owned(), text));
    }
    Ok(files)
}

/// A file of the repository.
pub fn carried(name: &str) -> Result<&'static str> {
    let file = FILES.iter().find(|(known, _)| *known == name);
    file.map(|(_, text)| *text)
        .with_context(|| format!("this wudf was built without {name}"))
}

/// A manifest of the repository, with what it takes from the workspace in it, and
/// without what only the repository's own tests and lints want.
pub fn manifest_of(name: &str) -> Result<Table> {
    let workspace: Table = carried("Cargo.toml")?.parse()?;
    let workspace = workspace
        .get("workspace")
        .and_then(Value::as_table)
        .context("the manifest has no workspace")?;
    let mut manifest: Table = carried(name)?.parse()?;
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
        // From the folder of the manifest to the root, where the workspace's paths begin.
        let up = "../".repeat(name.matches('/').count());
        for (key, value) in dependencies.iter_mut() {
            if inherits(value) {
                let found = given.and_then(|given| given.get(key));
                let found = found.with_context(|| format!("the workspace has no {key}"))?;
                *value = merged(found, value, &up);
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
fn merged(given: &Value, own: &Value, up: &str) -> Value {
    let mut whole = match given {
        Value::Table(table) => table.clone(),
        version => Table::from_iter([("version".to_owned(), version.clone())]),
    };
    if let Some(Value::String(path)) = whole.get_mut("path") {
        path.insert_str(0, up);
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
        let manifest = manifest_of("guest/sdk/Cargo.toml").unwrap();
        let text = manifest.to_string();
        assert!(!text.contains("workspace"), "{text}");
        assert!(!text.contains("dev-dependencies"), "{text}");
        assert_eq!(
            manifest["package"]["version"].as_str(),
            Some(env!("CARGO_PKG_VERSION"))
        );
        let dependencies = &manifest["dependencies"];
        assert_eq!(
            dependencies["wudf-guest-macros"]["path"].as_str(),
            Some("../../guest/sdk-macros")
        );
        let features = dependencies["bytemuck"]["features"].as_array().unwrap();
        assert_eq!(features.len(), 2, "{features:?}");
        assert!(
            !manifest_of("guest/sdk-macros/Cargo.toml")
                .unwrap()
                .to_string()
                .contains("workspace")
        );
    }

    #[test]
    fn the_repository_stays_at_home() {
        let files = files().unwrap();
        let named = |name: &str| files.iter().any(|(known, _)| known == name);
        assert!(named("LICENSE") && named("guest/sdk/src/lib.rs") && named("wit/wudf.wit"));
        assert!(!named("Cargo.toml") && !named("Cargo.lock"));
        assert!(files.iter().any(|(name, _)| name.starts_with("wit/deps/")));
    }
}
