//! What tensors are made of.

use wudf_guest::Half;

/// An element of a tensor.
pub trait Element: Copy + Default + wudf_guest::model::Element {
    /// The element of a sample, and of the number that the recipe makes of it.
    fn of(sample: u8, value: f32) -> Self;
}

impl Element for f32 {
    fn of(_: u8, value: f32) -> Self {
        value
    }
}

/// The number, rounded to the nearest.
impl Element for Half {
    fn of(_: u8, value: f32) -> Self {
        half::f16::from_f32(value).into()
    }
}

/// The sample: a model that takes bytes rescales and normalises them itself.
impl Element for u8 {
    fn of(sample: u8, _: f32) -> Self {
        sample
    }
}
