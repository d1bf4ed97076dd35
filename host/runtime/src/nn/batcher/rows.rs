//! Rows of several requests in one tensor, and apart again.

use arrow_array::types::{ArrowPrimitiveType, Float16Type};

use super::{Error, Inputs, Tensor};
use crate::nn::TensorType;

/// How far results of a joint run may be from those of single ones, as a part of the
/// results' own size (root mean square): what kernels for other shapes and low precisions
/// make of the same numbers. What rows have to do with each other is far more: the mean
/// of a sequence of 10,000 changes by a hundredth when another joins it.
const NOISE: f64 = 0.01;

/// One tensor of all requests' rows for each input.
pub(super) fn join(first: &Inputs, joined: Vec<Vec<u8>>, rows: usize) -> Result<Inputs, Error> {
    let inputs = first.iter().zip(joined);
    let inputs = inputs.map(|((name, tensor), data)| {
        let mut dims = tensor.dims().to_vec();
        dims[0] = u32::try_from(rows).unwrap_or(u32::MAX);
        Ok((name.clone(), Tensor::new(dims, tensor.ty(), data)?))
    });
    inputs.collect()
}

/// Whether every output has its rows first, and all of them.
pub(super) fn splits(outputs: &[Tensor], rows: usize) -> bool {
    let mut dims = outputs.iter().map(|output| output.dims().first());
    dims.all(|first| first.is_some_and(|first| *first as usize == rows))
}

/// Each request's rows of every output; they have [these rows](splits).
pub(super) fn split(outputs: Vec<Tensor>, rows: &[usize]) -> Result<Vec<Vec<Tensor>>, Error> {
    let total: usize = rows.iter().sum();
    let mut parts: Vec<Vec<Tensor>> = rows
        .iter()
        .map(|_| Vec::with_capacity(outputs.len()))
        .collect();
    for output in outputs {
        let width = output.data().len() / total;
        let mut from = 0;
        for (part, rows) in parts.iter_mut().zip(rows) {
            let to = from + rows * width;
            let mut dims = output.dims().to_vec();
            dims[0] = u32::try_from(*rows).unwrap_or(u32::MAX);
            part.push(Tensor::new(
                dims,
                output.ty(),
                output.data()[from..to].to_vec(),
            )?);
            from = to;
        }
    }
    Ok(parts)
}

/// Whether two requests have the same values.
pub(super) fn same(a: &Inputs, b: &Inputs) -> bool {
    a.iter().all(|(name, a)| {
        let mut others = b.iter();
        others.any(|(other, b)| name == other && a.dims() == b.dims() && a.data() == b.data())
    })
}

/// Whether outputs are the same but for what arithmetic leaves.
pub(super) fn agree(a: &[Tensor], b: &[Tensor]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(a, b))
}

fn close(a: &Tensor, b: &Tensor) -> bool {
    if a.dims() != b.dims() || a.ty() != b.ty() {
        return false;
    }
    if a.data() == b.data() {
        return true;
    }
    let (Some(a), Some(b)) = (floats(a), floats(b)) else {
        return false;
    };
    let (mut error, mut size) = (0.0, 0.0);
    for (a, b) in a.into_iter().zip(b) {
        // Infinities and what is no number have to be where they were.
        if !a.is_finite() || !b.is_finite() {
            if a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan()) {
                return false;
            }
            continue;
        }
        error += (a - b) * (a - b);
        size += b * b;
    }
    error <= NOISE * NOISE * size
}

/// The values of a tensor of floats.
fn floats(tensor: &Tensor) -> Option<Vec<f64>> {
    type Half = <Float16Type as ArrowPrimitiveType>::Native;
    let bytes = tensor.data();
    Some(match tensor.ty() {
        TensorType::F64 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| f64::from_le_bytes(*b))
            .collect(),
        TensorType::F32 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| f64::from(f32::from_le_bytes(*b)))
            .collect(),
        TensorType::F16 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| Half::from_le_bytes(*b).to_f64())
            .collect(),
        TensorType::Bf16 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| f64::from(f32::from_bits(u32::from(u16::from_le_bytes(*b)) << 16)))
            .collect(),
        _ => return None,
    })
}
