//! Pictures to tensors, **bit for bit** as Pillow 13 and torchvision make them.
//!
//! For the same bytes, [`transform::Preprocessor::tensor`] gives the same `f32` tensor as
//! `Image.open(f).convert("RGB")` followed by torchvision's `Resize`, `CenterCrop`, `ToTensor` and
//! `Normalize` on a PIL image. Integer and correctly rounded `f32` arithmetic only, so the result
//! is the same on every CPU, in the sandbox and out of it.
//!
//! - [`decode`] reads JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, TGA, ICO and QOI into 8-bit RGB;
//! - [`resize`] scales as Pillow does;
//! - [`recipe`] says what becomes of a picture; [`preset`] and [`config`] are where recipes come from;
//! - [`transform`] puts them together, and computes only what the crop keeps, in the numbers of [`element`];
//! - [`picture_model`] fits a recipe to a model, and runs it;
//! - [`hash`] and [`thumbnail`] make other things of pictures;
//! - [`udfs`] are the functions of the plugin, and [`options`] what they are told.

pub mod config;
pub mod decode;
pub mod detect;
pub mod element;
pub mod error;
pub mod hash;
pub mod labels;
pub mod options;
pub mod picture_model;
pub mod preset;
pub mod recipe;
pub mod resize;
pub mod tensors;
pub mod thumbnail;
pub mod transform;
pub mod udfs;

pub use error::{Error, ErrorKind};

wudf_guest::plugin!(
    udfs::ImageFeatures,
    udfs::ImageTensor,
    udfs::image_info,
    udfs::ImageThumbnail,
    udfs::ImageHash,
    udfs::ImageClassify,
    udfs::ImageDetect,
);
