//! What runs wudf's models, and where their files come from.
//!
//! A [`Backend`](wudf::nn::Backend) is an inference library behind wudf's
//! trait. Each is a feature of this crate, on by default:
//!
//! | feature | backend | runs on | needs |
//! |---|---|---|---|
//! | `rten` | `Rten` | CPU | nothing: pure Rust |
//! | `onnxruntime` | `OnnxRuntime` | CPU, NVIDIA GPUs | ONNX Runtime's library, found at run time |
//! | `openvino` | `OpenVino` | CPU, also in bf16 and int8 | OpenVINO's library, found at run time |
//!
//! All read ONNX files as PyTorch's exporters write them, from wherever
//! [`source`] finds them, and give any tensor of the graph as an output
//! ([`onnx`] says how names are read). [`seeded`] networks stand in where no
//! file is at hand. [`catalogue`] reads what a command line says of models.
//!
//! ```
//! use std::sync::Arc;
//! use wudf::CallOptions;
//! use wudf::nn::{Backend, LoadRequest, Tensor};
//! use wudf_backends::{Rten, catalogue, source::Sources};
//!
//! # fn main() -> Result<(), wudf::nn::Error> {
//! let spec = catalogue::parse("demo=seeded:tiny")?;
//! let outputs = ["features".to_owned()];
//! let model = Rten::new(Arc::new(Sources::default())).load(&LoadRequest::new(&spec, &outputs))?;
//! let pictures = Tensor::from_values(vec![1, 3, 224, 224], &vec![0.5_f32; 3 * 224 * 224])?;
//! let features = model.run(&[("input", &pictures)], &CallOptions::default())?;
//! assert_eq!(features[0].dims(), [1, 16]);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod catalogue;
mod defaults;
#[cfg(any(feature = "onnxruntime", feature = "openvino"))]
mod input_bytes;
mod model_file;
pub mod onnx;
#[cfg(feature = "onnxruntime")]
pub mod onnxruntime;
#[cfg(feature = "openvino")]
pub mod openvino;
#[cfg(feature = "rten")]
mod rten;
#[cfg(any(feature = "onnxruntime", feature = "openvino"))]
mod search;
pub mod seeded;
pub mod source;
pub mod stamp;
#[cfg(test)]
mod tests;

/// Runs that a CPU has room for at one time: each takes one core.
#[cfg(any(feature = "onnxruntime", feature = "openvino", feature = "rten"))]
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

pub use defaults::{Libraries, defaults};
pub use model_file::files;
#[cfg(feature = "onnxruntime")]
pub use onnxruntime::OnnxRuntime;
#[cfg(feature = "openvino")]
pub use openvino::OpenVino;
#[cfg(feature = "rten")]
pub use rten::Rten;
