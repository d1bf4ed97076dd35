//! What wudf's adapters have in common, so that each only has to speak its
//! engine's idiom: a [`Spec`] says which function of which plugin, with which
//! options, models and policy; [`open`] makes a [`Udf`] of it, once for a
//! process.
//!
//! ```
//! use std::sync::Arc;
//! use arrow_array::{Array, ArrayRef, BinaryArray};
//! use wudf_adapter::{OnError, Spec, open};
//!
//! # fn main() -> wudf::Result<()> {
//! let mut spec = Spec::new("image-features:image_tensor");
//! spec.on_error = OnError::Null;
//! let tensors = open(&spec)?;
//! let rows: ArrayRef = Arc::new(BinaryArray::from_vec(vec![b"no picture"]));
//! assert_eq!(tensors.call(&[rows], 1)?.null_count(), 1);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod arrays;
pub mod describe;
pub mod models;
mod open;
pub mod options;
mod process;
pub mod reference;
pub mod registries;
pub mod separate;
mod spec;
mod udf;

pub use open::{Prepared, inspect, open, prepare, prepare_in};
pub use registries::{Fetch, Registries};
pub use spec::{OnError, PluginSource, Spec};
pub use udf::{Udf, recount};
