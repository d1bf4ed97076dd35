//! Where models come from: paths, URLs with digests, seeded networks.
//!
//! | location | meaning |
//! |---|---|
//! | `models/r50.onnx` | a file; weights that it keeps in files beside it are found |
//! | `https://host/r50.onnx#sha256=HEX` | downloaded once into the cache; the digest is required |
//! | `http://127.0.0.1:8000/r50.onnx#sha256=HEX` | the same, from this machine only |
//! | `seeded:resnet50?seed=7` | a network with random weights, see [`seeded`] |
//! | `oci://host/r50:1` | in a registry; found by what [`Options::pull`] says |

mod download;
mod location;

use std::path::PathBuf;

pub use download::{OnProgress, Options, Progress, Pull};
pub use location::Source;
use wudf::nn::{Error, ErrorKind, ModelSource};

use crate::seeded;

/// Finds the files of models; shared by all backends.
#[derive(Debug, Default)]
pub struct Sources {
    options: Options,
}

/// A model's file in memory.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    /// The folder that the file lies in and that may hold more of its weights.
    pub(crate) folder: Option<PathBuf>,
}

impl Sources {
    /// Files found with these options.
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// The folder that keeps downloads, and what is made of models.
    pub(crate) fn cache(&self) -> Option<PathBuf> {
        self.options.cache.clone().or_else(download::user_cache)
    }

    /// Reads a model's file, from the network if need be.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such file or network,
    /// [`ErrorKind::Security`] when its digest is not the one asked for,
    /// [`ErrorKind::TooLarge`] when a download passes the limit,
    /// [`ErrorKind::Timeout`] when a server takes too long,
    /// [`ErrorKind::InvalidArgument`] when the location cannot be read.
    pub(crate) fn open(&self, source: &ModelSource) -> Result<Content, Error> {
        let location = match source {
            ModelSource::Bytes(bytes) => {
                return Ok(Content {
                    bytes: bytes.to_vec(),
                    folder: None,
                });
            }
            ModelSource::Location(location) => location,
            other => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("a model from {other:?}"),
                ));
            }
        };
        match Source::parse(location)? {
            Source::Path(path) => file(&path),
            Source::Registry(reference) => match &self.options.pull {
                Some(pull) => file(&pull(&reference)?),
                None => Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("`{reference}`: there are no registries here"),
                )),
            },
            Source::Url { url, sha256 } => {
                let bytes = download::fetch(&url, &sha256, &self.options)?;
                Ok(Content {
                    bytes,
                    folder: None,
                })
            }
            Source::Seeded(network) => Ok(Content {
                bytes: seeded::build(&network)?,
                folder: None,
            }),
        }
    }
}

/// A file, and its folder.
fn file(path: &std::path::Path) -> Result<Content, Error> {
    let bytes = read(path)?;
    let folder = path
        .parent()
        .map(|folder| match folder.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => folder.to_owned(),
        });
    Ok(Content { bytes, folder })
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|e| {
        let kind = match e.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Runtime,
        };
        Error::new(
            kind,
            format!("cannot read the model {}: {e}", path.display()),
        )
    })
}

#[cfg(test)]
mod tests;
