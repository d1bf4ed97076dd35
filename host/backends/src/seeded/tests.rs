use sha2::{Digest, Sha256};

use super::*;

/// The digests are part of the contract: the same bytes on every machine.
#[test]
fn the_same_bytes_everywhere() {
    assert_eq!(
        digest(&tiny(0)),
        "6dae11629aaca8a49950f226fbb169fcefcf3c16402e0103614157e65f87cb3b"
    );
    assert_eq!(
        digest(&resnet50(0)),
        "bb0910f79f562adc0dc227f26fb27f4146ec9ff0b1f84f64c815ee16a5dadea3"
    );
    assert_ne!(tiny(0), tiny(1));
}

#[test]
fn locations() {
    assert_eq!(build("tiny").unwrap(), tiny(DEFAULT_SEED));
    assert_eq!(build("tiny?seed=7").unwrap(), tiny(7));
    for (location, kind) in [
        ("vgg", ErrorKind::NotFound),
        ("", ErrorKind::NotFound),
        ("tiny?seed=", ErrorKind::InvalidArgument),
        ("tiny?seed=-1", ErrorKind::InvalidArgument),
        ("tiny?size=3", ErrorKind::InvalidArgument),
    ] {
        assert_eq!(build(location).unwrap_err().kind(), kind, "{location}");
    }
}

#[test]
fn the_file_says_that_it_is_untrained() {
    let file = tiny(7);
    let words = b"untrained: weights from seed 7";
    assert!(file.windows(words.len()).any(|window| window == words));
    assert!(file.len() < 10_000, "{} bytes", file.len());
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
