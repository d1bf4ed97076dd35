//! Declaring inner tensors as outputs of a graph.

use prost::Message;
use wudf::nn::{Error, ErrorKind};

use super::Graph;
use super::proto::{GraphProto, MODEL_GRAPH, ValueInfoProto};
use super::wire::{self, Field};

/// The ONNX file `model`, whose graph is `graph`, with `tensors` declared as
/// outputs of the graph beside those it has; `model` itself when nothing is
/// missing.
///
/// The fields of a protobuf message may stand in any order and repeated ones
/// apart, so the declarations are added at the graph's end, and nothing else
/// in the file is parsed or written anew. They carry a type only where the file
/// has one; backends infer the rest.
///
/// # Errors
/// [`ErrorKind::InvalidEncoding`] when `model` is no ONNX file.
pub fn add_outputs(model: Vec<u8>, graph: &Graph, tensors: &[String]) -> Result<Vec<u8>, Error> {
    let mut missing: Vec<&str> = Vec::new();
    for tensor in tensors {
        if !graph.outputs().any(|output| output == tensor) && !missing.contains(&tensor.as_str()) {
            missing.push(tensor);
        }
    }
    if missing.is_empty() {
        return Ok(model);
    }
    let outputs = missing
        .into_iter()
        .map(|name| {
            graph
                .value_info
                .get(name)
                .cloned()
                .unwrap_or_else(|| ValueInfoProto {
                    name: name.into(),
                    r#type: None,
                })
        })
        .collect();
    let declarations = GraphProto {
        output: outputs,
        ..GraphProto::default()
    }
    .encode_to_vec();

    let place = find_graph(&model)
        .ok_or_else(|| Error::new(ErrorKind::InvalidEncoding, "a broken ONNX file"))?;
    let mut longer = Vec::with_capacity(model.len() + declarations.len() + 16);
    longer.extend_from_slice(&model[..place.start]);
    let length = place.end - place.content + declarations.len();
    wire::begin(MODEL_GRAPH, length, &mut longer)
        .map_err(|e| Error::new(ErrorKind::TooLarge, e.to_string()))?;
    longer.extend_from_slice(&model[place.content..place.end]);
    longer.extend_from_slice(&declarations);
    longer.extend_from_slice(&model[place.end..]);
    Ok(longer)
}

/// The last graph in the file: readers that do not join several take that one.
fn find_graph(model: &[u8]) -> Option<Field> {
    let mut found = None;
    for field in wire::fields(model) {
        let field = field?;
        if field.number == MODEL_GRAPH && field.is_delimited {
            found = Some(field);
        }
    }
    found
}
