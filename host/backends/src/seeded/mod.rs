//! Networks with random weights, made on the spot: `seeded:resnet50`.
//!
//! A demonstration, a test or a benchmark needs a network of the real shape and
//! cost, but no file to fetch. These are ordinary ONNX files, the same bytes on
//! every machine for the same seed. They are **untrained**: what they compute
//! says nothing about a picture, and whoever shows their output has to say so.
//!
//! | location | network |
//! |---|---|
//! | `seeded:resnet50`, `seeded:resnet50?seed=7` | [`resnet50`] |
//! | `seeded:tiny`, `seeded:tiny?seed=7` | [`tiny`] |

mod builder;
mod random;
mod resnet;

use wudf::nn::{Error, ErrorKind};

pub use resnet::{resnet50, tiny};

/// The seed where none is given.
pub const DEFAULT_SEED: u64 = 0;

/// Makes a network's ONNX file of a seed.
type Make = fn(u64) -> Vec<u8>;

/// The one list of networks, by name.
const NETWORKS: &[(&str, Make)] = &[("resnet50", resnet50), ("tiny", tiny)];

/// The names of the networks that can be made.
pub fn names() -> impl Iterator<Item = &'static str> {
    NETWORKS.iter().map(|(name, _)| *name)
}

/// The ONNX file of a network by its location without the scheme: `resnet50`,
/// `resnet50?seed=7`.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there is no network of the name,
/// [`ErrorKind::InvalidArgument`] when the rest is not `?seed=` and a number.
pub fn build(location: &str) -> Result<Vec<u8>, Error> {
    let (name, seed) = match location.split_once('?') {
        None => (location, DEFAULT_SEED),
        Some((name, query)) => {
            let seed = query.strip_prefix("seed=").and_then(|seed| seed.parse().ok()).ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("`seeded:{location}`: what follows `?` is not `seed=` and a whole number"),
                )
            })?;
            (name, seed)
        }
    };
    match NETWORKS.iter().find(|(known, _)| *known == name) {
        Some((_, make)) => Ok(make(seed)),
        None => {
            let known: Vec<String> = names().map(|name| format!("`{name}`")).collect();
            Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "there is no seeded network `{name}`; there are {}",
                    known.join(" and ")
                ),
            ))
        }
    }
}

#[cfg(test)]
mod tests;
