//! The versions of what is compared, from the lock file that it was built with.

use crate::Failure;

const LOCK: &str = include_str!("../Cargo.lock");

/// A package's version, and those of the wasmtime and the Arrow that it takes.
pub fn of(package: &str) -> Result<String, Failure> {
    let entry = LOCK
        .split("[[package]]")
        .find(|entry| field(entry, "name") == Some(package))
        .ok_or_else(|| format!("the lock file has no {package}"))?;
    let mut text = format!("{package} {}", field(entry, "version").unwrap_or_default());
    for dependency in ["wasmtime", "arrow-array"] {
        let quoted = entry.lines().map(|l| l.trim().trim_matches([',', '"']));
        // A version follows the name, for there are several.
        if let Some(version) = quoted
            .filter_map(|line| line.split_once(' '))
            .find_map(|(name, version)| (name == dependency).then_some(version))
        {
            text += &format!(", {dependency} {version}");
        }
    }
    Ok(text)
}

fn field<'a>(entry: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(" = ");
    Some(entry.lines().find_map(value)?.trim_matches('"'))
}
