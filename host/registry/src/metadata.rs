//! What a plugin's file says of itself: the sections of wasm-metadata, which go
//! by the names of OCI's annotations, and the dependencies that cargo-auditable
//! leaves.
//!
//! Only what stands at the file's own level counts: modules within a component
//! may have names of their own, which are the compiler's affair. Dependencies
//! are looked for everywhere, for they lie in the module that was linked.
//!
//! All of it is the author's word. It is read with limits, and comes out as text
//! that may be shown.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use serde::Serialize;
use serde_json::json;
use wasm_metadata::{AddMetadata, AddMetadataField, Payload as Sections};
use wasmparser::{ComponentName, CustomSectionReader, KnownCustom, Name, Parser, Payload};

use crate::{Error, ErrorKind, Result};

/// A section of text that is longer is nobody's description.
const SECTION_LIMIT: usize = 64 << 10;
/// Compressed; cargo-auditable's data for a thousand crates has 50 kB.
const DEPENDENCIES_LIMIT: usize = 1 << 20;
/// What is kept of one line, and of a text of several, in bytes.
const LINE: usize = 300;
const TEXT: usize = 4_000;

/// What a plugin says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Metadata {
    /// What it is called.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// What it is for; the only text that may have several lines.
    pub description: Option<String>,
    /// Its licence, an SPDX expression.
    pub licenses: Option<String>,
    /// Who wrote it.
    pub authors: Option<String>,
    /// Where its sources are.
    pub source: Option<String>,
    /// Where there is more about it.
    pub homepage: Option<String>,
    /// The revision of the sources that it was made of.
    pub revision: Option<String>,
    /// What was linked into it, where it was built with cargo-auditable.
    pub dependencies: Option<Vec<Dependency>>,
}

/// A package that a plugin was made of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Dependency {
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it was needed for.
    pub kind: DependencyKind,
}

/// What a package was needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DependencyKind {
    /// It is in the file.
    Runtime,
    /// It helped to build it.
    Build,
}

impl Metadata {
    /// Reads what a component, or a module, says of itself. A section that is too
    /// long or no text counts as absent.
    ///
    /// # Errors
    /// [`ErrorKind::Artifact`] when the bytes are not WebAssembly.
    pub fn read(wasm: &[u8]) -> Result<Self> {
        let broken = |why: &dyn Display| {
            let why = line(&why.to_string());
            Error::new(ErrorKind::Artifact, format!("no WebAssembly file: {why}"))
        };
        if !wasm.starts_with(b"\0asm") {
            return Err(broken(&"it begins with other bytes"));
        }
        let mut found = Self::default();
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(|e| broken(&e))? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::CustomSection(section) => {
                    if depth == 0 {
                        found.take(&section);
                    }
                    if section.name() == ".dep-v0" && found.dependencies.is_none() {
                        found.dependencies = dependencies(section.data());
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }

    fn take(&mut self, section: &CustomSectionReader<'_>) {
        let (place, show): (_, fn(&str) -> String) = match section.name() {
            "component-name" | "name" => {
                self.name = name(section).map(line).or_else(|| self.name.take());
                return;
            }
            "version" => (&mut self.version, line),
            "description" => (&mut self.description, text),
            "licenses" => (&mut self.licenses, line),
            "authors" => (&mut self.authors, line),
            "source" => (&mut self.source, line),
            "homepage" => (&mut self.homepage, line),
            "revision" => (&mut self.revision, line),
            _ => return,
        };
        let said = Some(section.data()).filter(|data| data.len() <= SECTION_LIMIT);
        let said = said.and_then(|data| std::str::from_utf8(data).ok());
        // The last one wins, as for wasm-metadata, which adds one more where it sets a second time.
        if let Some(said) = said.map(show).filter(|said| !said.is_empty()) {
            *place = Some(said);
        }
    }

    /// The file with this as what it says of itself, in the place of what it said
    /// before. Dependencies, and a name where there is none here, stay as they are.
    ///
    /// # Errors
    /// [`ErrorKind::Artifact`] when the bytes are not WebAssembly,
    /// [`ErrorKind::Invalid`] when the licence is no SPDX expression or an address
    /// is none.
    pub fn write(&self, wasm: &[u8]) -> Result<Vec<u8>> {
        let mut set = AddMetadata::default();
        if let Some(name) = &self.name {
            set.name = AddMetadataField::Set(name.clone());
        }
        set.version = parsed(self.version.as_ref(), "version")?;
        set.description = parsed(self.description.as_ref(), "description")?;
        set.licenses = parsed(self.licenses.as_ref(), "licence that SPDX knows")?;
        set.authors = parsed(self.authors.as_ref(), "list of authors")?;
        set.source = parsed(self.source.as_ref(), "address of sources")?;
        set.homepage = parsed(self.homepage.as_ref(), "address of a home page")?;
        set.revision = parsed(self.revision.as_ref(), "revision")?;
        let mut clear = AddMetadata::default();
        clear.version = AddMetadataField::Clear;
        clear.description = AddMetadataField::Clear;
        clear.licenses = AddMetadataField::Clear;
        clear.authors = AddMetadataField::Clear;
        clear.source = AddMetadataField::Clear;
        clear.homepage = AddMetadataField::Clear;
        clear.revision = AddMetadataField::Clear;
        // Two passes: setting a section does not remove the one that is there.
        let written = clear
            .to_wasm(wasm)
            .and_then(|cleared| set.to_wasm(&cleared));
        written.map_err(|e| {
            let why = line(&e.to_string());
            Error::new(ErrorKind::Artifact, format!("no WebAssembly file: {why}"))
        })
    }
}

/// A field as wasm-metadata has it; what is not there stays cleared.
fn parsed<T>(said: Option<&String>, what: &str) -> Result<AddMetadataField<T>>
where
    T: FromStr + Debug + Clone,
    T::Err: Display,
{
    let Some(said) = said.filter(|said| !said.is_empty()) else {
        return Ok(AddMetadataField::Keep);
    };
    said.parse()
        .map(AddMetadataField::Set)
        .map_err(|e: T::Err| {
            let (said, why) = (line(said), line(&e.to_string()));
            Error::new(ErrorKind::Invalid, format!("`{said}` is no {what}: {why}"))
        })
}

/// The name in a name section of either kind.
fn name<'a>(section: &CustomSectionReader<'a>) -> Option<&'a str> {
    let name = match section.as_known() {
        KnownCustom::ComponentName(names) => names.into_iter().find_map(|name| match name {
            Ok(ComponentName::Component { name, .. }) => Some(name),
            _ => None,
        }),
        KnownCustom::Name(names) => names.into_iter().find_map(|name| match name {
            Ok(Name::Module { name, .. }) => Some(name),
            _ => None,
        }),
        _ => None,
    };
    name.filter(|name| !name.is_empty() && name.len() <= SECTION_LIMIT)
}

/// cargo-auditable's list; none where it cannot be read. wasm-metadata reads it,
/// from whole files only, so it is given one.
fn dependencies(section: &[u8]) -> Option<Vec<Dependency>> {
    const NAME: &[u8] = b"\x07.dep-v0";
    if section.len() > DEPENDENCIES_LIMIT {
        return None;
    }
    let mut file = b"\0asm\x01\0\0\0\0".to_vec();
    let mut length = section.len() + NAME.len();
    while length >= 0x80 {
        file.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    file.push(length as u8);
    file.extend_from_slice(NAME);
    file.extend_from_slice(section);
    let sections = Sections::from_binary(&file).ok()?;
    let packages = sections.metadata().dependencies.as_ref()?.version_info();
    let found = packages.packages.iter().filter(|package| !package.root);
    let mut found: Vec<Dependency> = found
        .map(|package| Dependency {
            name: line(&package.name),
            version: line(&package.version.to_string()),
            kind: if json!(package.kind) == "build" {
                DependencyKind::Build
            } else {
                DependencyKind::Runtime
            },
        })
        .collect();
    found.sort();
    Some(found)
}

/// What somebody else wrote, as one line that may be shown.
fn line(said: &str) -> String {
    let lines = said.split(['\n', '\r', '\t']).map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    shown(&lines.join(" "), LINE)
}

/// The same, where several lines are all right.
fn text(said: &str) -> String {
    shown(said.trim(), TEXT)
}

/// At most `limit` bytes, and nothing that a terminal would obey.
fn shown(said: &str, limit: usize) -> String {
    let mut out = String::with_capacity(said.len().min(limit));
    for c in said.chars() {
        if out.len() + c.len_utf8() > limit {
            out.push('…');
            break;
        }
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => {}
            // Directional overrides reorder what a terminal or a browser shows.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
