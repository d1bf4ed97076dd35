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
        let file = component(std::slice::from_ref(&bytes));
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
