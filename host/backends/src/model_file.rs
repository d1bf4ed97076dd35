//! What all backends do before they load: fetch the file, read its graph,
//! settle the outputs.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use wudf::nn::{Error, ErrorKind, LoadRequest, ModelSource, TensorSpec};

use crate::onnx::{self, Graph};
use crate::source::{Content, Sources};

/// A model ready for a backend.
pub(crate) struct ModelFile {
    /// The ONNX file, with every tensor of `tensors` among its outputs.
    pub(crate) bytes: Vec<u8>,
    /// The file's graph, as it was.
    pub(crate) graph: Graph,
    /// The tensors to compute, each once.
    pub(crate) tensors: Vec<String>,
    /// For each output that was asked for: its name, and its place in `tensors`.
    pub(crate) outputs: Vec<(String, usize)>,
    /// What the model takes.
    pub(crate) inputs: Vec<TensorSpec>,
    /// Files with weights: as the graph names them, and where they lie. All in
    /// the model's own folder.
    pub(crate) external: Vec<(String, PathBuf)>,
}

impl ModelFile {
    pub(crate) fn open(request: &LoadRequest<'_>, sources: &Sources) -> Result<Self, Error> {
        let Content { bytes, folder } = sources.open(&request.spec.source)?;
        let bytes = Bytes::from(bytes);
        let graph = Graph::read(&bytes)?;
        let external = external_files(&graph, folder.as_deref())?;
        let wanted = graph.resolve(request.outputs)?;
        let mut tensors: Vec<String> = Vec::new();
        let mut outputs = Vec::new();
        for (n, tensor) in wanted.into_iter().enumerate() {
            let name = request
                .outputs
                .get(n)
                .cloned()
                .unwrap_or_else(|| tensor.clone());
            let place = tensors
                .iter()
                .position(|known| *known == tensor)
                .unwrap_or_else(|| {
                    tensors.push(tensor);
                    tensors.len() - 1
                });
            outputs.push((name, place));
        }
        let inputs = graph.inputs()?;
        // The graph kept no slice of the file, so this copies nothing.
        let bytes = onnx::add_outputs(bytes.into(), &graph, &tensors)?;
        Ok(Self {
            bytes,
            graph,
            tensors,
            outputs,
            inputs,
            external,
        })
    }

    /// The rows that a run should take: what the spec asks for, or else `default` where the
    /// file gives the first dimensions of all inputs and outputs one name; and one where it
    /// fixes a first dimension at one.
    pub(crate) fn batch_size(&self, request: &LoadRequest<'_>, default: usize) -> usize {
        let single = |input: &TensorSpec| {
            input
                .dims
                .as_ref()
                .is_some_and(|dims| dims.first() == Some(&Some(1)))
        };
        if self.inputs.iter().any(single) {
            return 1;
        }
        let default = match self.graph.names_a_batch() {
            true => default,
            false => 1,
        };
        request.spec.batch_size.unwrap_or(default).max(1)
    }
}

/// The files of a model that is a file: itself, and those beside it that it
/// keeps weights in.
///
/// # Errors
/// [`ErrorKind::NotFound`] when one is missing, [`ErrorKind::Security`] when a
/// weight is said to lie elsewhere, and what else is wrong with the file.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let location = path.display().to_string();
    let Content { bytes, folder } = Sources::default().open(&ModelSource::Location(location))?;
    let graph = Graph::read(&Bytes::from(bytes))?;
    let external = external_files(&graph, folder.as_deref())?;
    let external = external.into_iter().map(|(_, path)| path);
    Ok([path.to_owned()].into_iter().chain(external).collect())
}

/// Where the files lie that hold a graph's weights.
///
/// A graph may name any path, and backends would read it into the outputs: only
/// files in the model's own folder pass, and none for a model without a folder
/// (one that a plugin handed over, or that was downloaded).
fn external_files(graph: &Graph, folder: Option<&Path>) -> Result<Vec<(String, PathBuf)>, Error> {
    graph
        .external_files()
        .map(|name| {
            let plain = Path::new(name).file_name().is_some_and(|file| file == name);
            let folder = folder.filter(|_| plain).ok_or_else(|| {
                Error::new(
                    ErrorKind::Security,
                    format!("the model keeps weights in `{name}`, which is no file in the model's own folder"),
                )
            })?;
            let path = folder.join(name);
            if !path.is_file() {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    format!("the model keeps its weights in {}, which is missing", path.display()),
                ));
            }
            Ok((name.to_owned(), path))
        })
        .collect()
}
