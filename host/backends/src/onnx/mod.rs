//! ONNX files: what a backend has to know of one before it loads it.
//!
//! Backends return only what a file declares as the graph's outputs. A plugin
//! may ask for any tensor, or for `features` (what the final fully connected
//! layer takes) from the plain file that an exporter wrote, so the graph is
//! read here, the names are [resolved](Graph::resolve) to tensors, and tensors
//! that are no output yet are [declared as outputs](add_outputs).

mod add_outputs;
#[cfg(feature = "openvino")]
mod embed_weights;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod graph;
pub(crate) mod proto;
mod resolve;
mod wire;

pub use add_outputs::add_outputs;
#[cfg(feature = "openvino")]
pub use embed_weights::embed_weights;
pub use graph::Graph;
pub use resolve::{FEATURES, LOGITS};
