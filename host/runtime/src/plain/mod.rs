//! Plain plugins: components that export ordinary WIT functions and know nothing of
//! columns. The WIT signature is the schema, and the host calls the function once for each
//! row.
//!
//! A resource is a function with options: what makes it (its constructor, or a static
//! function that returns one) takes the options, and its methods are the functions.

mod call;
mod column;
mod find;
mod lift;
mod lower;
mod options;
mod shape;
mod text;

pub(crate) use call::Rows;
pub(crate) use column::Column;
pub use find::Skipped;
pub(crate) use find::functions;
pub(crate) use options::{Opened, Refusal};

use crate::signature::Signature;
use options::Maker;
use shape::Shape;

/// A function of a component.
pub(crate) struct PlainFunction {
    pub signature: Signature,
    /// The exported instance that holds it; none for the component itself.
    interface: Option<String>,
    export: String,
    /// What makes the resource whose method it is.
    maker: Option<Maker>,
    arguments: Vec<Shape>,
    returns: Shape,
    /// Whether it returns a `result`, and the type of its error, which is the row's.
    fails: Option<Option<Shape>>,
    /// Whether it may pass tensors to the host while it runs.
    infers: bool,
}
