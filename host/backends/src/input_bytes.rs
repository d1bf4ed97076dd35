//! An input's elements as libraries in C take them.

use std::borrow::Cow;

use wudf::nn::{Error, Tensor};

/// A tensor's bytes, copied only if they lie askew.
pub(crate) enum Bytes<'a> {
    Tensor(Cow<'a, [u8]>),
    Realigned(Vec<u64>, usize),
}

impl<'a> Bytes<'a> {
    pub(crate) fn aligned(tensor: &'a Tensor) -> Self {
        let data = tensor.data();
        if data.as_ptr().addr().is_multiple_of(tensor.ty().size()) {
            return Self::Tensor(Cow::Borrowed(data));
        }
        let mut words = vec![0_u64; data.len().div_ceil(8)];
        bytemuck::cast_slice_mut::<u64, u8>(&mut words)[..data.len()].copy_from_slice(data);
        Self::Realigned(words, data.len())
    }

    /// Truth values: any byte but 0 and 1 is not one in C++.
    pub(crate) fn truth(tensor: &Tensor) -> Result<Self, Error> {
        let values = tensor.values::<u8>()?;
        let truth = values.iter().map(|&x| u8::from(x != 0)).collect();
        Ok(Self::Tensor(Cow::Owned(truth)))
    }

    pub(crate) fn get(&self) -> &[u8] {
        match self {
            Self::Tensor(data) => data,
            Self::Realigned(words, length) => &bytemuck::cast_slice(words)[..*length],
        }
    }
}
