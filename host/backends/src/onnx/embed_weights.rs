//! Taking weights that lie in files of their own into the graph's file.

use std::collections::HashMap;
use std::path::PathBuf;

use bytes::Bytes;
use prost::Message;
use wudf::nn::{Error, ErrorKind};

use super::Graph;
use super::proto::{MODEL_GRAPH, TensorProto};
use super::wire::{self, Field};

/// Field of a graph: a tensor of weights.
const INITIALIZER: usize = 5;
/// Fields of a tensor.
const RAW_DATA: usize = 9;
const EXTERNAL_DATA: usize = 13;
const DATA_LOCATION: usize = 14;

/// What protobuf can hold, and what readers take.
const LARGEST: usize = i32::MAX as usize;

/// The ONNX file `model` with the weights in it that it keeps in `files`, each
/// as the graph names it and where it lies. For backends that are given a file's
/// bytes, not its folder.
///
/// # Errors
/// [`ErrorKind::InvalidEncoding`] when a file is shorter than the graph says,
/// [`ErrorKind::TooLarge`] when all together passes 2 GiB, and
/// [`ErrorKind::Unsupported`] when inner graphs have such weights, too.
pub fn embed_weights(model: &[u8], files: &[(String, PathBuf)]) -> Result<Vec<u8>, Error> {
    let mut weights = HashMap::new();
    for (name, path) in files {
        let bytes = std::fs::read(path).map_err(|e| {
            Error::new(
                ErrorKind::NotFound,
                format!("cannot read the weights {}: {e}", path.display()),
            )
        })?;
        weights.insert(name.as_str(), bytes);
    }
    let whole = rewritten(model, MODEL_GRAPH, |graph| {
        rewritten(graph, INITIALIZER, |tensor| with_weights(tensor, &weights))
    })?;
    drop(weights);
    let whole = Bytes::from(whole);
    if Graph::read(&whole)?.external_files().next().is_some() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the model keeps weights of inner graphs in files of their own, which this backend cannot read",
        ));
    }
    // Reading has kept no slice of it, so this copies nothing.
    Ok(whole.into())
}

/// A message whose fields of one number are made anew.
fn rewritten(
    message: &[u8],
    number: usize,
    mut make: impl FnMut(&[u8]) -> Result<Vec<u8>, Error>,
) -> Result<Vec<u8>, Error> {
    let mut written = Vec::with_capacity(message.len());
    for field in wire::fields(message) {
        let field = field.ok_or_else(broken)?;
        if field.number != number || !field.is_delimited {
            written.extend_from_slice(&message[field.start..field.end]);
            continue;
        }
        let content = make(&message[field.content..field.end])?;
        if content.len().saturating_add(written.len()) > LARGEST {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "the model has more than 2 GiB of weights, which this backend cannot take; onnxruntime can",
            ));
        }
        wire::begin(number, content.len(), &mut written)
            .map_err(|e| Error::new(ErrorKind::TooLarge, e.to_string()))?;
        written.extend_from_slice(&content);
    }
    Ok(written)
}

/// A tensor with its elements in it.
fn with_weights(tensor: &[u8], files: &HashMap<&str, Vec<u8>>) -> Result<Vec<u8>, Error> {
    let proto = TensorProto::decode(tensor).map_err(|_| broken())?;
    if proto.external_data.is_empty() && proto.data_location == 0 {
        return Ok(tensor.to_vec());
    }
    let entry = |key: &str| {
        let mut entries = proto.external_data.iter().rev();
        entries
            .find(|entry| entry.key == key)
            .map(|entry| entry.value.as_str())
    };
    let number = |key: &str| match entry(key) {
        Some(value) => value
            .trim()
            .parse::<usize>()
            .map(Some)
            .map_err(|_| broken()),
        None => Ok(None),
    };
    let file = entry("location")
        .and_then(|name| files.get(name))
        .ok_or_else(broken)?;
    let start = number("offset")?.unwrap_or(0);
    let end = match number("length")? {
        Some(length) => start.checked_add(length),
        None => Some(file.len()),
    };
    let data = end.and_then(|end| file.get(start..end)).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidEncoding,
            format!(
                "the weights `{}` lie outside of their file, which has {} bytes",
                proto.name,
                file.len()
            ),
        )
    })?;
    let mut written = Vec::with_capacity(tensor.len() + data.len() + 16);
    for field in wire::fields(tensor) {
        let Field {
            number, start, end, ..
        } = field.ok_or_else(broken)?;
        if ![RAW_DATA, EXTERNAL_DATA, DATA_LOCATION].contains(&number) {
            written.extend_from_slice(&tensor[start..end]);
        }
    }
    wire::begin(RAW_DATA, data.len(), &mut written)
        .map_err(|e| Error::new(ErrorKind::TooLarge, e.to_string()))?;
    written.extend_from_slice(data);
    Ok(written)
}

fn broken() -> Error {
    Error::new(ErrorKind::InvalidEncoding, "a broken ONNX file")
}
