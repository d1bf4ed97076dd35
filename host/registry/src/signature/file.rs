//! Signatures of files, in a file beside them: `plugin.wasm.sig`. Each line is
//! what `cosign sign-blob` prints: base64 of the DER of a signature over the
//! file's bytes. `cosign verify-blob` takes a file of one line, and so does
//!
//! ```text
//! base64 -d plugin.wasm.sig > raw
//! openssl dgst -sha256 -verify team.pub -signature raw plugin.wasm
//! ```

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use sha2::{Digest, Sha256};

use crate::key::{PrivateKey, PublicKey, der_signature};
use crate::{Error, ErrorKind, Result};

/// The most bytes of a file of signatures.
const FILE_LIMIT: usize = 64 << 10;
/// How many signatures of a file are looked at.
const SIGNATURES: usize = 64;

/// Where the signatures of a file lie.
pub fn file_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".sig");
    name.into()
}

/// Signs a file. Signatures that are there already stay, unless the file was
/// written after them: then they are of other bytes.
///
/// # Errors
/// [`ErrorKind::Io`] when one of the two cannot be read or written,
/// [`ErrorKind::TooLarge`] when there are more signatures than anyone reads.
pub fn sign_file(path: &Path, key: &PrivateKey) -> Result<PathBuf> {
    let signatures = file_path(path);
    let bytes = fs::read(path).map_err(|error| io_error("read", path, &error))?;
    let signature = key.sign(&bytes);
    let mut lines = if written(path) > written(&signatures) {
        Vec::new()
    } else {
        read_file(path)?
    };
    // What is damaged verifies nothing.
    lines.retain(|line| der_signature(line).is_some());
    if !lines.contains(&signature) {
        lines.push(signature);
    }
    if lines.len() > SIGNATURES {
        return Err(too_many(&signatures));
    }
    write(&signatures, &(lines.join("\n") + "\n"))
        .map_err(|error| io_error("written", &signatures, &error))?;
    Ok(signatures)
}

/// When a file was written; before all others, if there is none.
fn written(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|file| file.modified()).ok()
}

/// Beside it, then in its place.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Others read it as they read the file; the umask still counts.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.prefix(".wudf-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The signatures beside a file, none if there is no such file. Lines may be
/// wrapped, as `base64` wraps them; a bare DER, as openssl writes it, is one
/// too.
///
/// # Errors
/// [`ErrorKind::Io`] when it cannot be read, [`ErrorKind::TooLarge`] when it is
/// larger than any.
pub fn read_file(path_of_wasm: &Path) -> Result<Vec<String>> {
    let path = file_path(path_of_wasm);
    let mut bytes = Vec::new();
    match File::open(&path) {
        Ok(file) => file
            .take(FILE_LIMIT as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| io_error("read", &path, &error))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io_error("read", &path, &error)),
    };
    if bytes.len() > FILE_LIMIT {
        return Err(too_many(&path));
    }
    let bare = BASE64.encode(&bytes);
    if der_signature(&bare).is_some() {
        return Ok(vec![bare]);
    }
    let lines = lines(&String::from_utf8_lossy(&bytes));
    if lines.len() > SIGNATURES {
        return Err(too_many(&path));
    }
    Ok(lines)
}

fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut begun = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if der_signature(line).is_some() {
            lines.extend(Some(std::mem::take(&mut begun)).filter(|begun| !begun.is_empty()));
            lines.push(line.to_owned());
            continue;
        }
        begun.push_str(line);
        if der_signature(&begun).is_some() {
            lines.push(std::mem::take(&mut begun));
        }
    }
    lines.extend(Some(begun).filter(|begun| !begun.is_empty()));
    lines
}

/// The key that made one of the signatures over these bytes, of those given.
pub fn verify_bytes(bytes: &[u8], signatures: &[String], keys: &[PublicKey]) -> Option<PublicKey> {
    let digest = Sha256::digest(bytes).into();
    let made = |key: &&PublicKey| {
        signatures
            .iter()
            .take(SIGNATURES)
            .any(|signature| key.verify_digest(&digest, signature))
    };
    keys.iter().find(made).cloned()
}

fn io_error(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::new(
        ErrorKind::Io,
        format!("{} cannot be {what}: {error}", path.display()),
    )
}

fn too_many(path: &Path) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        format!(
            "{} holds more than {SIGNATURES} signatures; delete it and sign anew",
            path.display()
        ),
    )
}
