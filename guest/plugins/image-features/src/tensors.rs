//! Preprocessors for each type of number.

use wudf_guest::{Enum, Error, Half, Numbers, Result, Schema, Tensor};

use crate::element::Element;
use crate::recipe::Recipe;
use crate::transform::Preprocessor;

/// What a tensor is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Number {
    /// 32-bit floats.
    #[value(name = "f32")]
    F32,
    /// 16-bit floats: those of 32 bits, rounded to the nearest.
    #[value(name = "f16")]
    F16,
    /// The samples themselves, neither rescaled nor normalised.
    #[value(name = "u8")]
    U8,
}

impl Number {
    /// By the name that `models.describe` has for it.
    pub fn of_format(format: &str) -> Option<Self> {
        match format {
            "f" => Some(Self::F32),
            "e" => Some(Self::F16),
            "C" => Some(Self::U8),
            _ => None,
        }
    }

    /// A list of `size` of them.
    pub fn schema(self, size: u32) -> Schema {
        match self {
            Self::F32 => Schema::numbers::<f32>(size),
            Self::F16 => Schema::numbers::<Half>(size),
            Self::U8 => Schema::numbers::<u8>(size),
        }
    }
}

/// A preprocessor, and its last tensor.
#[derive(Debug)]
pub struct Of<T> {
    preprocessor: Preprocessor<T>,
    tensor: Vec<T>,
}

impl<T: Element> Of<T> {
    fn new(recipe: Recipe) -> Result<Self> {
        Ok(Self {
            preprocessor: Preprocessor::new(recipe).map_err(Error::options)?,
            tensor: Vec::new(),
        })
    }

    fn make(&mut self, image: &[u8]) -> Result<&[T]> {
        self.preprocessor.tensor(image, &mut self.tensor)?;
        Ok(&self.tensor)
    }
}

/// A preprocessor of one type of number.
#[derive(Debug)]
pub enum Tensors {
    /// Of 32-bit floats.
    F32(Of<f32>),
    /// Of 16-bit floats.
    F16(Of<Half>),
    /// Of bytes.
    U8(Of<u8>),
}

impl Tensors {
    /// By this recipe, of these numbers.
    ///
    /// # Errors
    /// If the recipe cannot be carried out.
    pub fn new(number: Number, recipe: Recipe) -> Result<Self> {
        Ok(match number {
            Number::F32 => Self::F32(Of::new(recipe)?),
            Number::F16 => Self::F16(Of::new(recipe)?),
            Number::U8 => Self::U8(Of::new(recipe)?),
        })
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        match self {
            Self::F32(of) => of.preprocessor.recipe(),
            Self::F16(of) => of.preprocessor.recipe(),
            Self::U8(of) => of.preprocessor.recipe(),
        }
    }

    /// The width and height of the last picture.
    pub fn last_size(&self) -> (u32, u32) {
        match self {
            Self::F32(of) => of.preprocessor.last_size(),
            Self::F16(of) => of.preprocessor.last_size(),
            Self::U8(of) => of.preprocessor.last_size(),
        }
    }

    /// A picture's tensor as a row's value.
    ///
    /// # Errors
    /// As [`Preprocessor::tensor`].
    pub fn numbers(&mut self, image: &[u8]) -> Result<Numbers<'_>> {
        Ok(match self {
            Self::F32(of) => Numbers::new(of.make(image)?),
            Self::F16(of) => Numbers::new(of.make(image)?),
            Self::U8(of) => Numbers::new(of.make(image)?),
        })
    }

    /// A picture's tensor for a model, of these dimensions.
    ///
    /// # Errors
    /// As [`Preprocessor::tensor`].
    pub fn tensor<'a>(&'a mut self, image: &[u8], dimensions: &'a [u32]) -> Result<Tensor<'a>> {
        Ok(match self {
            Self::F32(of) => Tensor::new(dimensions, of.make(image)?),
            Self::F16(of) => Tensor::new(dimensions, of.make(image)?),
            Self::U8(of) => Tensor::new(dimensions, of.make(image)?),
        })
    }
}
