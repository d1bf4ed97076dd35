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
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    const MODULE: &[u8] = b"\0asm\x01\0\0\0";

    fn leb(mut number: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }

    fn section(id: u8, data: &[u8]) -> Vec<u8> {
        [&[id][..], &leb(data.len()), data].concat()
    }

    fn custom(name: &str, data: &[u8]) -> Vec<u8> {
        let body = [&leb(name.len())[..], name.as_bytes(), data].concat();
        section(0, &body)
    }

    fn component(sections: &[Vec<u8>]) -> Vec<u8> {
        [COMPONENT, &sections.concat()].concat()
    }

    fn full() -> Metadata {
        Metadata {
            name: Some("slug".into()),
            version: Some("1.2.3-rc.1".into()),
            description: Some("Titles to slugs.\nFor addresses.".into()),
            licenses: Some("Apache-2.0 OR MIT".into()),
            authors: Some("Ada, Grace <grace@example.org>".into()),
            source: Some("https://example.org/slug.git".into()),
            homepage: Some("https://example.org/".into()),
            revision: Some("0123abcd-dirty".into()),
            dependencies: None,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for bare in [COMPONENT, MODULE] {
            assert_eq!(Metadata::read(bare).unwrap(), Metadata::default());
            let written = full().write(bare).unwrap();
            assert_eq!(Metadata::read(&written).unwrap(), full());
            // It is replaced, not repeated: the same again gives the same bytes.
            assert_eq!(full().write(&written).unwrap(), written);
            let less = Metadata {
                name: Some("slug".into()),
                version: Some("2.0.0".into()),
                ..Metadata::default()
            };
            let rewritten = less.write(&written).unwrap();
            assert_eq!(Metadata::read(&rewritten).unwrap(), less);
        }
    }

    #[test]
    fn what_lies_within_says_nothing() {
        let inner = full().write(MODULE).unwrap();
        let nested = component(&[section(1, &inner), section(4, &component(&[]))]);
        assert_eq!(Metadata::read(&nested).unwrap(), Metadata::default());
        let outer = Metadata {
            version: Some("9.0.0".into()),
            ..Metadata::default()
        };
        let written = outer.write(&nested).unwrap();
        assert_eq!(Metadata::read(&written).unwrap(), outer);
        assert!(
            written.windows(inner.len()).any(|window| window == inner),
            "what lies within is left alone"
        );
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let wrong = |metadata: Metadata, words: &str| {
            let error = metadata.write(COMPONENT).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(words), "{error}");
        };
        let mut metadata = full();
        metadata.licenses = Some("the usual\x1b[31m".into());
        wrong(
            metadata,
            "`the usual\u{fffd}[31m` is no licence that SPDX knows",
        );
        let mut metadata = full();
        metadata.homepage = Some("over there".into());
        wrong(metadata, "`over there` is no address of a home page");
        for bytes in [&b""[..], b"text", b"\0asm", b"\0asm\x0d\0\x01\0\x63"] {
            let error = full().write(bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Artifact, "{bytes:?}");
            let error = Metadata::read(bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Artifact, "{bytes:?}");
        }
    }

    #[test]
    fn hostile_texts_are_tamed_or_left_out() {
        let long = "ä".repeat(400);
        let file = component(&[
            custom("version", b"1\x1b[2J\n2\r\n3"),
            custom("authors", "a\u{202e}b".as_bytes()),
            custom("source", long.as_bytes()),
            custom("description", &vec![b'd'; SECTION_LIMIT + 1]),
            custom("homepage", b"\xff\xfe"),
            custom("licenses", b""),
            custom("component-name", b"\0\xff\xff\xff\xff\xff"),
        ]);
        let read = Metadata::read(&file).unwrap();
        assert_eq!(read.version.as_deref(), Some("1\u{fffd}[2J 2 3"));
        assert_eq!(read.authors.as_deref(), Some("a\u{fffd}b"));
        let source = read.source.unwrap();
        assert!(source.len() <= LINE + '…'.len_utf8() && source.ends_with("ä…"));
        assert_eq!(read.description, None);
        assert_eq!((read.homepage, read.licenses), (None, None));
        assert_eq!(read.name, None);
    }

    /// A deep nest of components: nothing here may recurse.
    #[test]
    fn depth_is_no_danger() {
        let mut nest = component(&[custom("version", b"inner")]);
        for _ in 0..2_000 {
            nest = component(&[section(4, &nest)]);
        }
        nest.extend(custom("version", b"outer"));
        let read = Metadata::read(&nest).unwrap();
        assert_eq!(read.version.as_deref(), Some("outer"));
    }

    /// zlib with stored blocks, so that no compressor is needed.
    fn zlib(data: &[u8]) -> Vec<u8> {
        let mut out = vec![0x78, 0x01];
        let mut blocks = data.chunks(0xffff).peekable();
        while let Some(block) = blocks.next() {
            let length = block.len() as u16;
            out.push(u8::from(blocks.peek().is_none()));
            out.extend(length.to_le_bytes());
            out.extend((!length).to_le_bytes());
            out.extend(block);
        }
        let (mut a, mut b) = (1_u32, 0_u32);
        for byte in data {
            a = (a + u32::from(*byte)) % 65_521;
            b = (b + a) % 65_521;
        }
        out.extend((b << 16 | a).to_be_bytes());
        out
    }

    #[test]
    fn dependencies_are_found_where_the_linker_left_them() {
        let json = json!({ "packages": [
            { "name": "slug", "version": "0.1.0", "source": "local", "root": true, "dependencies": [1, 2] },
            { "name": "serde\u{7}", "version": "1.0.2", "source": "crates.io" },
            { "name": "cc", "version": "1.2.3", "source": "crates.io", "kind": "build" },
        ]});
        let list = zlib(json.to_string().as_bytes());
        let module = [MODULE, &custom(".dep-v0", &list)].concat();
        let file = component(&[section(1, MODULE), section(1, &module)]);
        let found = Metadata::read(&file).unwrap().dependencies.unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.name.as_str(), one.version.as_str(), one.kind))
            .collect();
        assert_eq!(
            found,
            [
                ("cc", "1.2.3", DependencyKind::Build),
                ("serde\u{fffd}", "1.0.2", DependencyKind::Runtime),
            ]
        );
    }

    #[test]
    fn hostile_dependencies_are_none() {
        let cyclic = json!({ "packages": [
            { "name": "a", "version": "1.0.0", "source": "local", "dependencies": [1] },
            { "name": "b", "version": "1.0.0", "source": "local", "dependencies": [0] },
        ]});
        let far = json!({ "packages": [
            { "name": "a", "version": "1.0.0", "source": "local", "dependencies": [1, 99_999_999] },
        ]});
        let deep = "[".repeat(100_000);
        let bomb = vec![b' '; 8 << 20];
        for (data, some) in [
            (zlib(cyclic.to_string().as_bytes()), false),
            (zlib(far.to_string().as_bytes()), true),
            (zlib(deep.as_bytes()), false),
            (zlib(&bomb), false),
            (zlib(b"{}"), false),
            (b"\x78\x01garbage".to_vec(), false),
            (Vec::new(), false),
        ] {
            let read = Metadata::read(&component(&[custom(".dep-v0", &data)])).unwrap();
            assert_eq!(read.dependencies.is_some(), some);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Metadata::read(&bytes);
            let file = component(&[bytes.clone()]);
            if let Ok(read) = Metadata::read(&file) {
                let _ = read.write(&file);
            }
            for name in ["component-name", "name", "producers", "licenses", ".dep-v0"] {
                let file = component(&[custom(name, &bytes)]);
                prop_assert!(Metadata::read(&file).is_ok());
                let _ = full().write(&file);
            }
        }
    }
}
