//! Patterns like `2024/**/*.parquet`, also over names that are not UTF-8.

use std::fs::DirEntry;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use glob::{MatchOptions, Pattern};

/// What a pattern found.
pub struct Found {
    /// In order of their names.
    pub paths: Vec<PathBuf>,
    /// The components of each path before the first pattern.
    pub named: usize,
}

pub fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// The files and folders that match. What cannot be listed is passed over, and said.
pub fn find(name: &str, warnings: &mut Vec<String>) -> Result<Found> {
    let mut base = PathBuf::new();
    let mut parts = Vec::new();
    for component in Path::new(name).components() {
        match component.as_os_str().to_str() {
            Some(text) if !parts.is_empty() || is_pattern(text) => parts.push(Part::new(text)?),
            _ => base.push(component),
        }
    }
    let named = base.components().count();
    let mut walk = Walk {
        paths: Vec::new(),
        warnings,
    };
    walk.go(&base, &parts);
    Ok(Found {
        paths: walk.paths,
        named,
    })
}

/// One component of a pattern.
enum Part {
    /// `**`
    Folders,
    Name(Pattern),
}

impl Part {
    fn new(text: &str) -> Result<Self> {
        if text == "**" {
            return Ok(Self::Folders);
        }
        let pattern =
            Pattern::new(text).with_context(|| format!("`{text}` is not a valid pattern"))?;
        Ok(Self::Name(pattern))
    }
}

struct Walk<'a> {
    paths: Vec<PathBuf>,
    warnings: &'a mut Vec<String>,
}

impl Walk<'_> {
    fn go(&mut self, folder: &Path, parts: &[Part]) {
        match parts.split_first() {
            None => self.paths.push(folder.to_owned()),
            Some((Part::Folders, rest)) => {
                self.go(folder, rest);
                if rest.is_empty() {
                    return;
                }
                for entry in self.entries(folder) {
                    // Links are not followed: they may lead in a circle.
                    let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                    if is_folder && !entry.file_name().to_string_lossy().starts_with('.') {
                        self.go(&folder.join(entry.file_name()), parts);
                    }
                }
            }
            Some((Part::Name(pattern), rest)) => {
                // As in a shell, `*` does not match hidden files.
                let options = MatchOptions {
                    require_literal_leading_dot: true,
                    ..MatchOptions::default()
                };
                for entry in self.entries(folder) {
                    let name = entry.file_name();
                    if !pattern.matches_with(&name.to_string_lossy(), options) {
                        continue;
                    }
                    let path = folder.join(entry.file_name());
                    if rest.is_empty() || path.is_dir() {
                        self.go(&path, rest);
                    }
                }
            }
        }
    }

    fn entries(&mut self, folder: &Path) -> Vec<DirEntry> {
        let listed = if folder == Path::new("") {
            Path::new(".")
        } else {
            folder
        };
        let mut entries = Vec::new();
        match std::fs::read_dir(listed) {
            Ok(found) => entries.extend(found.flatten()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => self
                .warnings
                .push(format!("{} is passed over: {error}", listed.display())),
        }
        entries.sort_by_key(DirEntry::file_name);
        entries
    }
}
