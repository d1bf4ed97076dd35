//! `wudf.toml`: the manifest of a plugin that is not written in Rust.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::settings::{Files, Settings};
use super::{About, MANIFEST};

/// The languages that are built from a WIT file and sources.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    Python,
    Js,
    C,
}

/// What `[build]` says, with paths that are absolute.
#[derive(Clone, Debug, PartialEq)]
pub struct Sources {
    pub language: Language,
    /// A file, or a folder of packages.
    pub wit: PathBuf,
    /// The world; the only one when left out.
    pub world: Option<String>,
    /// The module, or the files that are compiled.
    pub files: Vec<PathBuf>,
    /// Parts of its runtime that JavaScript does without.
    pub disable_features: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    package: About,
    build: Build,
    run: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Build {
    language: Language,
    source: Files,
    #[serde(default = "wit_folder")]
    wit: PathBuf,
    world: Option<String>,
    #[serde(default)]
    disable_features: Vec<String>,
}

fn wit_folder() -> PathBuf {
    "wit".into()
}

/// Reads a `wudf.toml`.
pub fn read(file: &Path) -> Result<(About, Sources, Settings)> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let manifest: Manifest =
        toml::from_str(&text).with_context(|| format!("{} is not valid", file.display()))?;
    let Manifest {
        package,
        build,
        run,
    } = manifest;
    crate::new::check_name(&package.name)
        .map_err(|why| anyhow::anyhow!("`name` in {}: {why}", file.display()))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let files: Vec<PathBuf> = build
        .source
        .paths()
        .iter()
        .map(|path| folder.join(path))
        .collect();
    ensure!(
        !files.is_empty(),
        "`source` in {} names no file",
        file.display()
    );
    for path in files.iter().chain([&folder.join(&build.wit)]) {
        ensure!(
            path.exists(),
            "{} names {}, which does not exist",
            super::from_here(file).display(),
            super::from_here(path).display()
        );
    }
    ensure!(
        build.language == Language::C || files.len() == 1,
        "`source` in {} names several files: name the one that exports the functions",
        file.display()
    );
    let sources = Sources {
        language: build.language,
        wit: folder.join(build.wit),
        world: build.world,
        files,
        disable_features: build.disable_features,
    };
    let settings = Settings::read(run.as_ref(), &format!("[run] of {MANIFEST}"))?;
    Ok((package, sources, settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<(About, Sources, Settings)> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("app.py"), "").unwrap();
        fs::create_dir(folder.path().join("wit")).unwrap();
        let file = folder.path().join(MANIFEST);
        fs::write(&file, text).unwrap();
        read(&file)
    }

    const PACKAGE: &str = "[package]\nname = 'hello'\nversion = '0.1.0'\n";

    #[test]
    fn a_manifest_is_read() {
        let text = format!(
            "{PACKAGE}[build]\nlanguage = 'python'\nsource = 'app.py'\n[run]\nexample = 'a.csv'\n"
        );
        let (about, sources, settings) = read_text(&text).unwrap();
        assert_eq!(
            (about.name.as_str(), about.version.as_str()),
            ("hello", "0.1.0")
        );
        assert_eq!(sources.language, Language::Python);
        assert!(sources.files[0].ends_with("app.py") && sources.wit.ends_with("wit"));
        assert!(settings.run.example.is_some());
    }

    #[test]
    fn mistakes_are_named() {
        let refuse = |build: &str| {
            format!(
                "{:#}",
                read_text(&format!("{PACKAGE}[build]\n{build}")).unwrap_err()
            )
        };
        let said = refuse("language = 'cobol'\nsource = 'app.py'");
        assert!(said.contains("cobol") && said.contains("python"), "{said}");
        let said = refuse("language = 'python'\nsource = 'main.py'");
        assert!(said.contains("main.py, which does not exist"), "{said}");
        let said = refuse("language = 'python'\nsource = ['app.py', 'app.py']");
        assert!(said.contains("names several files"), "{said}");
        assert!(refuse("language = 'python'\nsource = []").contains("names no file"));
    }
}
