//! What `bindgen!` makes of the contract in `wit/`.

#![allow(missing_docs, clippy::all)]

wasmtime::component::bindgen!({
    path: "wit",
    world: "wudf:plugin/plugin",
    ownership: Borrowing { duplicate_if_necessary: true },
    imports: { default: trappable },
    with: {
        "wasi:nn/errors.error": crate::nn::host::Error,
        "wasi:nn/tensor.tensor": crate::nn::host::Tensor,
        "wasi:nn/graph.graph": crate::nn::host::Graph,
        "wasi:nn/inference.graph-execution-context": crate::nn::host::Context,
    },
});
