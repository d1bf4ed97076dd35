//! Reading a graph without its weights.

use std::collections::{BTreeSet, HashMap, HashSet};

use bytes::Bytes;
use prost::Message;
use wudf::nn::{Error, ErrorKind, TensorSpec, TensorType};

use super::proto::{
    AttributeProto, Dimension, GraphProto, ModelProto, NodeProto, TensorProto, TypeProto,
    ValueInfoProto, data_type,
};

/// What an ONNX file says of its graph; nothing of the weights but their names.
#[derive(Clone, Debug)]
pub struct Graph {
    /// What the graph takes, initialisers excepted.
    pub(super) inputs: Vec<ValueInfoProto>,
    /// What the graph gives.
    pub(super) outputs: Vec<ValueInfoProto>,
    /// Types and dimensions that the file gives for inner tensors.
    pub(super) value_info: HashMap<String, ValueInfoProto>,
    /// The nodes, in the file's order.
    pub(super) nodes: Vec<Node>,
    /// The node that makes each tensor.
    pub(super) producers: HashMap<String, usize>,
    /// Tensors that hold weights.
    pub(super) weights: HashSet<String>,
    external: BTreeSet<String>,
}

/// A node of the graph: an operator, what it takes and what it makes.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) op: String,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
}

impl Graph {
    /// Reads the graph of an ONNX file.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidEncoding`] when `file` is no ONNX file, is cut
    /// short, or its graph has no output.
    pub fn read(file: &Bytes) -> Result<Self, Error> {
        let invalid = |why: String| Error::new(ErrorKind::InvalidEncoding, why);
        let model = ModelProto::decode(file.clone())
            .map_err(|e| invalid(format!("not an ONNX file, or a broken one: {e}")))?;
        let graph = model
            .graph
            .ok_or_else(|| invalid("not an ONNX file: it holds no graph".into()))?;

        if model.opset_import.is_empty() {
            return Err(invalid(
                "an ONNX file that was cut short: it does not say which operators it uses".into(),
            ));
        }

        let mut external = BTreeSet::new();
        external_in_graph(&graph, &mut external);
        for function in &model.functions {
            external_in_nodes(&function.node, &mut external);
            external_in_attributes(&function.attribute_proto, &mut external);
        }
        for training in &model.training_info {
            let graphs = training.initialization.iter().chain(&training.algorithm);
            graphs.for_each(|graph| external_in_graph(graph, &mut external));
        }

        let mut weights: HashSet<String> = HashSet::new();
        weights.extend(graph.initializer.into_iter().map(|t| t.name));
        weights.extend(
            graph
                .sparse_initializer
                .into_iter()
                .filter_map(|t| t.values.map(|v| v.name)),
        );
        let inputs: Vec<_> = graph
            .input
            .into_iter()
            .filter(|input| !weights.contains(&input.name))
            .collect();

        let mut nodes = Vec::with_capacity(graph.node.len());
        let mut producers = HashMap::with_capacity(graph.node.len());
        for node in graph.node {
            if node.op_type == "Constant" {
                weights.extend(node.output.iter().cloned());
            }
            for output in node.output.iter().filter(|name| !name.is_empty()) {
                producers.insert(output.clone(), nodes.len());
            }
            nodes.push(Node {
                op: node.op_type,
                inputs: node.input,
                outputs: node.output,
            });
        }
        if graph.output.is_empty() {
            return Err(invalid("the ONNX file's graph has no output".into()));
        }
        for output in &graph.output {
            let made = producers.contains_key(&output.name)
                || weights.contains(&output.name)
                || inputs.iter().any(|input| input.name == output.name);
            if !made {
                return Err(invalid(format!(
                    "the ONNX file is broken: nothing in its graph makes the output `{}`",
                    output.name
                )));
            }
        }
        Ok(Self {
            inputs,
            outputs: graph.output,
            value_info: graph
                .value_info
                .into_iter()
                .map(|v| (v.name.clone(), v))
                .collect(),
            nodes,
            producers,
            weights,
            external,
        })
    }

    /// What the graph takes, in the file's order.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when an input is no tensor, or one of a type
    /// that wasi:nn has not (text, complex numbers, ...). Truth values pass as
    /// [`TensorType::U8`].
    pub fn inputs(&self) -> Result<Vec<TensorSpec>, Error> {
        self.inputs
            .iter()
            .map(|input| {
                describe(&input.name, input.r#type.as_ref())?.ok_or_else(|| {
                    Error::new(
                        ErrorKind::Unsupported,
                        format!("the model's input `{}` has no type", input.name),
                    )
                })
            })
            .collect()
    }

    /// The names of what the graph gives, in the file's order.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|output| output.name.as_str())
    }

    /// The names of all tensors that a run computes, in the file's order.
    pub fn tensors(&self) -> impl Iterator<Item = &str> {
        self.nodes
            .iter()
            .flat_map(|node| node.outputs.iter())
            .map(String::as_str)
            .filter(|name| !name.is_empty())
    }

    /// What the file says of a tensor: its type and dimensions; `None` where it
    /// says nothing, as exporters often do of inner tensors.
    ///
    /// # Errors
    /// As [`Graph::inputs`].
    pub fn describe(&self, tensor: &str) -> Result<Option<TensorSpec>, Error> {
        let value = self
            .outputs
            .iter()
            .chain(&self.inputs)
            .find(|value| value.name == tensor)
            .or_else(|| self.value_info.get(tensor));
        match value {
            Some(value) => describe(tensor, value.r#type.as_ref()),
            None => Ok(None),
        }
    }

    /// Whether the first dimensions of all inputs and outputs have one name, as exporters
    /// give the batch. Without that, nothing says that rows are independent.
    pub fn names_a_batch(&self) -> bool {
        let mut names = self.inputs.iter().chain(&self.outputs).map(|value| {
            let shape = value
                .r#type
                .as_ref()?
                .tensor_type
                .as_ref()?
                .shape
                .as_ref()?;
            match shape.dim.first()?.value.as_ref()? {
                Dimension::Param(name) if !name.is_empty() => Some(name),
                _ => None,
            }
        });
        match names.next() {
            Some(Some(first)) => names.all(|name| name == Some(first)),
            _ => false,
        }
    }

    /// Whether an input takes truth values, which wasi:nn has no type for.
    pub fn takes_bool(&self, input: &str) -> bool {
        self.inputs
            .iter()
            .find(|value| value.name == input)
            .and_then(|value| value.r#type.as_ref()?.tensor_type.as_ref())
            .is_some_and(|ty| ty.elem_type == data_type::BOOL)
    }

    /// The files beside this one that hold weights, as the graph names them.
    pub fn external_files(&self) -> impl Iterator<Item = &str> {
        self.external.iter().map(String::as_str)
    }
}

/// The tensor type that stands for an ONNX element type.
fn tensor_type(elem_type: i32) -> Option<TensorType> {
    Some(match elem_type {
        data_type::FLOAT => TensorType::F32,
        data_type::UINT8 | data_type::BOOL => TensorType::U8,
        data_type::INT32 => TensorType::I32,
        data_type::INT64 => TensorType::I64,
        data_type::FLOAT16 => TensorType::F16,
        data_type::DOUBLE => TensorType::F64,
        data_type::BFLOAT16 => TensorType::Bf16,
        _ => return None,
    })
}

fn describe(name: &str, ty: Option<&TypeProto>) -> Result<Option<TensorSpec>, Error> {
    let Some(ty) = ty else { return Ok(None) };
    let unsupported = |what: &str| {
        Error::new(
            ErrorKind::Unsupported,
            format!("the model's tensor `{name}` {what}, which plugins cannot exchange"),
        )
    };
    let tensor = ty
        .tensor_type
        .as_ref()
        .ok_or_else(|| unsupported("is no dense tensor"))?;
    let element = tensor_type(tensor.elem_type)
        .ok_or_else(|| unsupported(&format!("has elements of ONNX type {}", tensor.elem_type)))?;
    let dims = tensor.shape.as_ref().map(|shape| {
        shape
            .dim
            .iter()
            .map(|dim| match &dim.value {
                // Exporters write 0 and -1 for a size that may vary.
                Some(Dimension::Value(size)) if *size > 0 => u32::try_from(*size).ok(),
                _ => None,
            })
            .collect()
    });
    Ok(Some(TensorSpec::new(name, element, dims)))
}

fn external_in_graph(graph: &GraphProto, files: &mut BTreeSet<String>) {
    graph
        .initializer
        .iter()
        .for_each(|t| external_in_tensor(t, files));
    for sparse in &graph.sparse_initializer {
        sparse
            .values
            .iter()
            .chain(&sparse.indices)
            .for_each(|t| external_in_tensor(t, files));
    }
    external_in_nodes(&graph.node, files);
}

fn external_in_nodes(nodes: &[NodeProto], files: &mut BTreeSet<String>) {
    for node in nodes {
        external_in_attributes(&node.attribute, files);
    }
}

fn external_in_attributes(attributes: &[AttributeProto], files: &mut BTreeSet<String>) {
    for attribute in attributes {
        attribute
            .t
            .iter()
            .chain(&attribute.tensors)
            .for_each(|t| external_in_tensor(t, files));
        for sparse in attribute
            .sparse_tensor
            .iter()
            .chain(&attribute.sparse_tensors)
        {
            sparse
                .values
                .iter()
                .chain(&sparse.indices)
                .for_each(|t| external_in_tensor(t, files));
        }
        attribute
            .g
            .iter()
            .chain(&attribute.graphs)
            .for_each(|g| external_in_graph(g, files));
    }
}

fn external_in_tensor(tensor: &TensorProto, files: &mut BTreeSet<String>) {
    const DEFAULT: i32 = 0;
    if tensor.data_location != DEFAULT || !tensor.external_data.is_empty() {
        let location = tensor
            .external_data
            .iter()
            .rev()
            .find(|entry| entry.key == "location");
        files.insert(
            location
                .map(|entry| entry.value.clone())
                .unwrap_or_default(),
        );
    }
}
