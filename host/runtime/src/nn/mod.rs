//! Models: what plugins reach through wasi:nn.

mod backend;
pub(crate) mod batcher;
pub(crate) mod catalogue;
mod describe;
mod error;
pub(crate) mod host;
pub(crate) mod store;
mod tensor;

pub use backend::{Backend, Device, LoadRequest, Model, ModelSource, ModelSpec, Precision};
pub use error::{Error, ErrorKind};
pub use tensor::{Element, Tensor, TensorSpec, TensorType};
