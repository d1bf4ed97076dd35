//! Plugins that were compiled ahead of time, for hosts that have no compiler.

use crate::{Error, ErrorKind, Result};

/// What an artefact begins with; the last byte is the version of its layout: the digest of
/// the component in words, its size in bytes as a little-endian `u64`, wasmtime's own
/// artefact.
const MAGIC: &[u8; 8] = b"wudfaot\x01";

/// Bytes of `sha256:` and 64 hexadecimal digits.
const DIGEST: usize = 71;

/// What stands before the code.
const HEADER: usize = MAGIC.len() + DIGEST + size_of::<u64>();

#[cfg(feature = "compile")]
pub(crate) fn pack(digest: &str, size: usize, code: &[u8]) -> Vec<u8> {
    debug_assert_eq!(digest.len(), DIGEST);
    [
        MAGIC.as_slice(),
        digest.as_bytes(),
        &(size as u64).to_le_bytes(),
        code,
    ]
    .concat()
}

/// The digest, the size and the code of an artefact.
///
/// # Errors
/// [`ErrorKind::InvalidPlugin`] when it is none.
pub(crate) fn unpack(artefact: &[u8]) -> Result<(String, usize, &[u8])> {
    let invalid = || {
        let message = "not a precompiled plugin of this version: make it with Runtime::precompile";
        Error::new(ErrorKind::InvalidPlugin, message)
    };
    let (header, code) = artefact.split_at_checked(HEADER).ok_or_else(invalid)?;
    let header = header.strip_prefix(MAGIC).ok_or_else(invalid)?;
    let (digest, size) = header.split_at(DIGEST);
    let digest = std::str::from_utf8(digest).map_err(|_| invalid())?;
    let size = u64::from_le_bytes(size.try_into().map_err(|_| invalid())?);
    let size = usize::try_from(size).map_err(|_| invalid())?;
    Ok((digest.to_owned(), size, code))
}

#[cfg(all(test, feature = "compile"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_artefact_is_read_as_it_was_written() {
        let digest = format!("sha256:{}", "0f".repeat(32));
        let artefact = pack(&digest, 1234, b"code");
        let read = unpack(&artefact).unwrap();
        assert_eq!(read, (digest, 1234, b"code".as_slice()));
        for broken in [&artefact[..50], b"\0asm\x0d\0\x01\0", b""] {
            assert_eq!(unpack(broken).unwrap_err().kind(), ErrorKind::InvalidPlugin);
        }
    }
}
