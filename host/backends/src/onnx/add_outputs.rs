//! Declaring inner tensors as outputs of a graph.

use prost::Message;
use wudf::nn::{Error, ErrorKind};

use super::Graph;
use super::proto::{GraphProto, MODEL_GRAPH, ValueInfoProto};

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
    longer.push((MODEL_GRAPH << 3 | LENGTH_DELIMITED) as u8);
    prost::encode_length_delimiter(place.end - place.content + declarations.len(), &mut longer)
        .map_err(|e| Error::new(ErrorKind::TooLarge, e.to_string()))?;
    longer.extend_from_slice(&model[place.content..place.end]);
    longer.extend_from_slice(&declarations);
    longer.extend_from_slice(&model[place.end..]);
    Ok(longer)
}

/// Where the graph lies in a model's bytes: from its key, from its first byte,
/// to its end.
struct Place {
    start: usize,
    content: usize,
    end: usize,
}

const VARINT: usize = 0;
const FIXED_64: usize = 1;
const LENGTH_DELIMITED: usize = 2;
const FIXED_32: usize = 5;

/// The last graph in the file: readers that do not join several take that one.
fn find_graph(model: &[u8]) -> Option<Place> {
    let mut found = None;
    let mut at = 0;
    while at < model.len() {
        let start = at;
        let key = varint(model, &mut at)?;
        let length = match key & 7 {
            VARINT => varint(model, &mut at).map(|_| 0)?,
            FIXED_64 => 8,
            LENGTH_DELIMITED => varint(model, &mut at)?,
            FIXED_32 => 4,
            _ => return None,
        };
        let content = at;
        at = at.checked_add(length).filter(|end| *end <= model.len())?;
        if key == MODEL_GRAPH << 3 | LENGTH_DELIMITED {
            found = Some(Place {
                start,
                content,
                end: at,
            });
        }
    }
    found
}

fn varint(model: &[u8], at: &mut usize) -> Option<usize> {
    let mut rest = &model[*at..];
    let value = prost::decode_length_delimiter(&mut rest).ok()?;
    *at = model.len() - rest.len();
    Some(value)
}
