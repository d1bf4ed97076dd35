//! What a project says about running it: the rows, the function and what it is given.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

/// One run of one function over rows that are part of the project.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Case {
    /// Of a test; its expected output is `NAME.expected.ndjson`.
    pub name: Option<String>,
    /// The files that are read.
    pub example: Option<Files>,
    /// The function, where the plugin has several.
    pub function: Option<String>,
    /// The columns that feed the arguments.
    pub columns: Option<Vec<String>>,
    /// The function's options.
    pub options: Option<Map<String, Value>>,
    /// Files that are granted to the plugin, by name.
    pub assets: Option<BTreeMap<String, PathBuf>>,
    /// Models by name, with sources as `--model` takes them.
    pub models: Option<BTreeMap<String, String>>,
}

/// A file, or several.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(untagged)]
pub enum Files {
    One(PathBuf),
    Several(Vec<PathBuf>),
}

impl Files {
    pub fn paths(&self) -> &[PathBuf] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Several(paths) => paths,
        }
    }
}

/// `[package.metadata.wudf]` of a Cargo.toml, or `[run]` of a wudf.toml.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// What `wudf run` runs, and `wudf test` first.
    pub run: Case,
    /// What `wudf test` runs besides.
    pub tests: Vec<Case>,
}

impl Settings {
    /// Reads the table of that name; `place` says where it is, for errors.
    pub fn read(table: Option<&Value>, place: &str) -> Result<Self> {
        let Some(table) = table else {
            return Ok(Self::default());
        };
        let mut table = table.clone();
        let tests = table
            .as_object_mut()
            .and_then(|table| table.remove("tests"));
        let wrong = || format!("{place} is not valid");
        let settings = Self {
            run: serde_json::from_value(table).with_context(wrong)?,
            tests: match tests {
                Some(tests) => serde_json::from_value(tests)
                    .with_context(|| format!("`tests` in {place} is not valid"))?,
                None => Vec::new(),
            },
        };
        let mut names = Vec::new();
        for test in &settings.tests {
            let name = test.name.as_deref().unwrap_or_default();
            let plain = |c: char| c.is_alphanumeric() || "-_".contains(c);
            ensure!(
                !name.is_empty() && name.chars().all(plain),
                "each of `tests` in {place} needs a `name` of letters, digits, `-` and `_`"
            );
            ensure!(
                !names.contains(&name),
                "two of `tests` in {place} are named {name}"
            );
            names.push(name);
        }
        Ok(settings)
    }
}

impl Case {
    /// The case, with what it leaves out taken from another.
    pub fn or(&self, other: &Self) -> Self {
        Self {
            name: self.name.clone(),
            example: self.example.clone().or_else(|| other.example.clone()),
            function: self.function.clone().or_else(|| other.function.clone()),
            columns: self.columns.clone().or_else(|| other.columns.clone()),
            options: self.options.clone().or_else(|| other.options.clone()),
            assets: self.assets.clone().or_else(|| other.assets.clone()),
            models: self.models.clone().or_else(|| other.models.clone()),
        }
    }

    /// The options as `--option` takes them.
    pub fn options(&self) -> impl Iterator<Item = (String, String)> {
        let options = self.options.iter().flatten();
        options.map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                value => value.to_string(),
            };
            (name.clone(), text)
        })
    }

    /// The assets as `--asset` takes them; paths are relative to the folder.
    pub fn assets(&self, folder: &Path) -> impl Iterator<Item = (String, String)> {
        let assets = self.assets.iter().flatten();
        assets.map(|(name, path)| {
            let path = folder.join(path);
            (
                name.clone(),
                super::from_here(&path).to_string_lossy().into_owned(),
            )
        })
    }

    /// The models as `--model` takes them; a source that is a file of the folder is found there.
    pub fn models(&self, folder: &Path) -> impl Iterator<Item = String> {
        let models = self.models.iter().flatten();
        models.map(|(name, source)| {
            let (file, settings) = source.split_at(source.find(',').unwrap_or(source.len()));
            let path = folder.join(file);
            match path.exists() {
                true => format!("{name}={}{settings}", super::from_here(&path).display()),
                false => format!("{name}={source}"),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings> {
        let table: toml::Table = text.parse().unwrap();
        let value = serde_json::to_value(table).unwrap();
        Settings::read(Some(&value), "[run] of wudf.toml")
    }

    #[test]
    fn settings_are_read() {
        let settings = read(
            "example = 'a.csv'\nfunction = 'f'\noptions = { n = 5, s = 'x' }\nassets = { words = 'w.txt' }\n\
             [[tests]]\nname = 'g'\nfunction = 'g'\nexample = ['b.csv', 'c.csv']",
        )
        .unwrap();
        let options: Vec<_> = settings.run.options().collect();
        assert_eq!(
            options,
            [("n".into(), "5".into()), ("s".into(), "x".into())]
        );
        let assets: Vec<_> = settings.run.assets(Path::new("/p")).collect();
        assert_eq!(assets, [("words".into(), "/p/w.txt".into())]);
        let test = settings.tests[0].or(&settings.run);
        assert_eq!(test.function.as_deref(), Some("g"));
        assert_eq!(test.example.unwrap().paths().len(), 2);
        assert_eq!(test.options, settings.run.options);
    }

    #[test]
    fn mistakes_are_named() {
        let refuse = |text: &str| format!("{:#}", read(text).unwrap_err());
        let said = refuse("exmaple = 'a.csv'");
        assert!(
            said.contains("[run] of wudf.toml") && said.contains("exmaple"),
            "{said}"
        );
        assert!(refuse("[[tests]]\nfunction = 'f'").contains("needs a `name`"));
        assert!(refuse("[[tests]]\nname = '../x'").contains("needs a `name`"));
        let twice = "[[tests]]\nname = 'a'\n[[tests]]\nname = 'a'";
        assert!(refuse(twice).contains("named a"));
    }
}
