//! `wudf:plugin@0.2`: the contract's words in terms of this crate, and back.

use wasmtime::Store;
use wasmtime::component::{InstancePre, ResourceAny};

use super::{Problem, RawArgument, RawFailure, RawOutput, RawSignature};
use crate::columns::schema::FieldNode;
use crate::columns::{Node, Returned};
use crate::instance::State;

/// What `bindgen!` makes of `wit/`.
pub(crate) mod bindings {
    #![allow(missing_docs, clippy::all)]

    wasmtime::component::bindgen!({
        path: "wit",
        world: "wudf:plugin/scalar-plugin",
        ownership: Borrowing { duplicate_if_necessary: true },
        imports: { default: trappable },
        with: {
            "wasi:nn/errors.error": crate::nn::host::Error,
            "wasi:nn/tensor.tensor": crate::nn::host::Tensor,
            "wasi:nn/graph.graph": crate::nn::host::Graph,
            "wasi:nn/inference.graph-execution-context": crate::nn::host::Context,
        },
    });
}

use bindings::exports::wudf::plugin::scalar as wit;
use bindings::wudf::plugin::arrow::{FieldParam, FieldResult, NodeParam, NodeResult};

impl bindings::wudf::plugin::arrow::Host for State {}
impl bindings::wudf::plugin::types::Host for State {}

/// Adds what plugins of this version import: wasi:nn, models and assets.
///
/// # Errors
/// wasmtime's, when a name is there already.
pub(crate) fn add_to_linker(
    linker: &mut wasmtime::component::Linker<State>,
) -> wasmtime::Result<()> {
    bindings::ScalarPlugin::add_to_linker::<State, wasmtime::component::HasSelf<State>>(
        linker,
        |state| state,
    )
}

/// A component, and where its `scalar` is.
pub(crate) struct Pre {
    pre: InstancePre<State>,
    scalar: wit::GuestIndices,
}

impl Pre {
    pub(crate) fn new(pre: InstancePre<State>) -> wasmtime::Result<Self> {
        let scalar = wit::GuestIndices::new(&pre)?;
        Ok(Self { pre, scalar })
    }

    pub(crate) fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Exports> {
        let instance = self.pre.instantiate(&mut *store)?;
        Ok(Exports(self.scalar.load(store, &instance)?))
    }
}

/// The exports of an instance.
pub(crate) struct Exports(wit::Guest);

impl Exports {
    pub(crate) fn signatures(
        &self,
        store: &mut Store<State>,
    ) -> wasmtime::Result<Vec<RawSignature>> {
        let signatures = self.0.call_signatures(store)?;
        Ok(signatures.into_iter().map(signature).collect())
    }

    pub(crate) fn open(
        &self,
        store: &mut Store<State>,
        name: &str,
        options: &str,
        arguments: &[RawArgument],
    ) -> wasmtime::Result<Result<ResourceAny, Problem>> {
        let metadata: Vec<Vec<Vec<(&str, &str)>>> = arguments
            .iter()
            .map(|argument| argument.schema.iter().map(metadata).collect())
            .collect();
        let schemas: Vec<Vec<FieldParam<'_>>> = arguments
            .iter()
            .zip(&metadata)
            .map(|(argument, metadata)| {
                let fields = argument.schema.iter().zip(metadata);
                fields
                    .map(|(field, metadata)| said(field, metadata))
                    .collect()
            })
            .collect();
        let constants = arguments
            .iter()
            .map(|argument| argument.constant.as_deref());
        let slices: Vec<Vec<&[u8]>> = constants
            .clone()
            .map(|constant| slices(constant.into_iter().flatten()))
            .collect();
        let nodes: Vec<Option<Vec<NodeParam<'_>>>> = constants
            .zip(&slices)
            .map(|(constant, slices)| Some(params(constant?.iter(), slices)))
            .collect();
        let arguments: Vec<wit::Argument<'_>> = schemas
            .iter()
            .zip(&nodes)
            .map(|(schema, nodes)| wit::Argument {
                schema,
                constant: nodes.as_deref(),
            })
            .collect();
        let function = self.0.function();
        let opened = function.call_open(store, name, options, &arguments)?;
        Ok(opened.map_err(problem))
    }

    pub(crate) fn signature(
        &self,
        store: &mut Store<State>,
        handle: ResourceAny,
    ) -> wasmtime::Result<RawSignature> {
        Ok(signature(self.0.function().call_signature(store, handle)?))
    }

    pub(crate) fn call(
        &self,
        store: &mut Store<State>,
        handle: ResourceAny,
        rows: u32,
        arguments: &[Vec<Node>],
    ) -> wasmtime::Result<Result<RawOutput, Problem>> {
        // Flat, and then cut: a column costs no allocations of its own.
        let all = || arguments.iter().flatten();
        let slices = slices(all());
        let nodes = params(all(), &slices);
        let mut nodes = nodes.as_slice();
        let arrays: Vec<wit::ArrayParam<'_>> = arguments
            .iter()
            .map(|column| cut(&mut nodes, column.len()))
            .collect();
        let output = self.0.function().call_call(store, handle, rows, &arrays)?;
        Ok(output.map_err(problem).map(|output| RawOutput {
            values: output.values.into_iter().map(returned).collect(),
            failures: output.failures.into_iter().map(failure).collect(),
        }))
    }
}

/// The buffers of nodes, all in one list.
fn slices<'a>(nodes: impl Iterator<Item = &'a Node>) -> Vec<&'a [u8]> {
    nodes
        .flat_map(|node| node.buffers.iter().map(|b| b.as_slice()))
        .collect()
}

/// Nodes as they are passed, over the buffers of all of them.
fn params<'a>(
    nodes: impl Iterator<Item = &'a Node>,
    mut slices: &'a [&'a [u8]],
) -> Vec<NodeParam<'a>> {
    nodes
        .map(|node| NodeParam {
            length: node.length,
            null_count: node.null_count,
            buffers: cut(&mut slices, node.buffers.len()),
        })
        .collect()
}

/// Takes the first `n` off `rest`.
fn cut<'a, T>(rest: &mut &'a [T], n: usize) -> &'a [T] {
    let (first, behind) = rest.split_at(n);
    *rest = behind;
    first
}

fn metadata(field: &FieldNode) -> Vec<(&str, &str)> {
    let pairs = field.metadata.iter();
    pairs.map(|(k, v)| (k.as_str(), v.as_str())).collect()
}

fn said<'a>(field: &'a FieldNode, metadata: &'a [(&'a str, &'a str)]) -> FieldParam<'a> {
    FieldParam {
        name: &field.name,
        format: &field.format,
        nullable: field.nullable,
        children: field.children,
        metadata,
    }
}

fn field(field: FieldResult) -> FieldNode {
    FieldNode {
        name: field.name,
        format: field.format,
        nullable: field.nullable,
        children: field.children,
        metadata: field.metadata,
    }
}

fn signature(signature: wit::Signature) -> RawSignature {
    let schema = |fields: Vec<FieldResult>| fields.into_iter().map(field).collect();
    RawSignature {
        name: signature.name,
        doc: signature.doc,
        arguments: signature.arguments.into_iter().map(schema).collect(),
        returns: schema(signature.returns),
        options: signature.options,
        models: signature.models,
        assets: signature.assets,
        properties: signature.properties,
    }
}

fn returned(node: NodeResult) -> Returned {
    Returned {
        length: node.length,
        null_count: node.null_count,
        buffers: node.buffers,
    }
}

fn failure(failure: wit::Failure) -> RawFailure {
    RawFailure {
        row: failure.row,
        code: failure.code,
        message: failure.message,
    }
}

fn problem(problem: wit::Problem) -> Problem {
    // Its properties say nothing yet that a host acts on.
    Problem {
        code: problem.code,
        message: problem.message,
    }
}
