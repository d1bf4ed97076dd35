//! Pictures to tensors, **bit for bit** as Pillow 13 and torchvision make them.
//!
//! For the same bytes, [`transform::Preprocessor::tensor`] gives the same `f32` tensor as
//! `Image.open(f).convert("RGB")` followed by torchvision's `Resize`, `CenterCrop`, `ToTensor` and
//! `Normalize` on a PIL image. Integer and correctly rounded `f32` arithmetic only, so the result
//! is the same on every CPU, in the sandbox and out of it.
//!
//! - [`decode`] reads JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, TGA, ICO and QOI into 8-bit RGB;
//! - [`resize`] scales as Pillow does;
//! - [`transform`] puts them together, and computes only what the crop keeps;
//! - [`udfs`] are the functions of the plugin, `image_features` and `image_tensor`, and [`options`] what they are told.

pub mod decode;
pub mod error;
pub mod options;
pub mod resize;
pub mod transform;
pub mod udfs;

pub use error::{Error, ErrorKind};

wudf_guest::plugin!(udfs::ImageFeatures, udfs::ImageTensor);
