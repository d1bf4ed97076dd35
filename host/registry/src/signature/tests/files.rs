//! Signatures beside files.

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::super::*;
use super::key;

#[test]
fn files_are_signed_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plugin.wasm");
    fs::write(&file, b"bytes").unwrap();
    assert_eq!(read_file(&file).unwrap(), Vec::<String>::new());
    let (one, two, other) = (key(), key(), key());
    let path = sign_file(&file, &one).unwrap();
    assert_eq!(path, folder.path().join("plugin.wasm.sig"));
    assert_eq!(path, file_path(&file));
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        one.sign(b"bytes") + "\n"
    );
    sign_file(&file, &two).unwrap();
    sign_file(&file, &one).unwrap();
    let lines = read_file(&file).unwrap();
    assert_eq!(lines, [one.sign(b"bytes"), two.sign(b"bytes")]);
    for key in [&one, &two] {
        assert_eq!(
            verify_bytes(b"bytes", &lines, &[other.public(), key.public()]),
            Some(key.public())
        );
    }
    assert_eq!(
        verify_bytes(b"byteS", &lines, &[one.public(), two.public()]),
        None
    );
    assert_eq!(verify_bytes(b"bytes", &lines, &[other.public()]), None);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);

    // Written anew: those signatures are of other bytes.
    fs::write(&file, b"other").unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    fs::File::open(&file).unwrap().set_modified(later).unwrap();
    sign_file(&file, &two).unwrap();
    assert_eq!(read_file(&file).unwrap(), [two.sign(b"other")]);

    let error = sign_file(&folder.path().join("none"), &one).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn files_of_signatures_come_as_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.wasm");
    let read = |content: &[u8]| {
        fs::write(file_path(&file), content).unwrap();
        read_file(&file)
    };
    let (a, b) = (key().sign(b"a"), key().sign(b"b"));
    let wrapped = format!("{}\n{}\n", &a[..76], &a[76..]);
    let der = BASE64.decode(&a).unwrap();
    assert_eq!(read(&der).unwrap(), [a.as_str()]);
    assert_eq!(read(wrapped.as_bytes()).unwrap(), [a.as_str()]);
    assert_eq!(read(a.as_bytes()).unwrap(), [a.as_str()]);
    assert_eq!(
        read(format!("\r\n {a} \r\n{wrapped}\n{b}").as_bytes()).unwrap(),
        [a.clone(), a.clone(), b.clone()]
    );
    assert_eq!(
        read(format!("junk\n{a}\n").as_bytes()).unwrap(),
        ["junk", &a]
    );
    assert_eq!(read(b"\0\xff\n").unwrap().len(), 1);
    assert_eq!(read(b"").unwrap(), Vec::<String>::new());
    for huge in [" ".repeat(70_000), format!("{a}\n").repeat(65)] {
        assert_eq!(
            read(huge.as_bytes()).unwrap_err().kind(),
            ErrorKind::TooLarge
        );
    }
    fs::remove_file(file_path(&file)).unwrap();
    fs::create_dir(file_path(&file)).unwrap();
    assert_eq!(read_file(&file).unwrap_err().kind(), ErrorKind::Io);
}
