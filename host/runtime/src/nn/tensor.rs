//! Dense tensors as they pass between plugins and backends.

use std::borrow::Cow;

use super::{Error, ErrorKind};

/// What the elements of a tensor are; the types of wasi:nn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TensorType {
    /// IEEE half precision.
    F16,
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
    /// Brain floating point.
    Bf16,
    /// Unsigned bytes.
    U8,
    /// Signed 32-bit integers.
    I32,
    /// Signed 64-bit integers.
    I64,
}

impl TensorType {
    /// Bytes an element takes.
    pub fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F16 | Self::Bf16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }
}

impl std::fmt::Display for TensorType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F16 => "f16",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Bf16 => "bf16",
            Self::U8 => "u8",
            Self::I32 => "i32",
            Self::I64 => "i64",
        })
    }
}

/// A Rust type that is a [`TensorType`].
pub trait Element: bytemuck::Pod {
    /// The tensor type that it is.
    const TYPE: TensorType;
}

macro_rules! elements {
    ($($rust:ty => $ty:ident),*) => {
        $(impl Element for $rust { const TYPE: TensorType = TensorType::$ty; })*
    };
}
elements!(f32 => F32, f64 => F64, u8 => U8, i32 => I32, i64 => I64);

/// A dense tensor: row-major, little-endian, its length always that of its
/// dimensions.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    dims: Vec<u32>,
    ty: TensorType,
    data: Vec<u8>,
}

impl Tensor {
    /// A tensor of `data`, little-endian bytes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when `data` is not as long as `dims` and
    /// `ty` ask for, or when that length does not fit in memory.
    pub fn new(dims: Vec<u32>, ty: TensorType, data: Vec<u8>) -> Result<Self, Error> {
        let wanted = byte_length(&dims, ty);
        if wanted != Some(data.len()) {
            let wanted = wanted.map_or("more than memory holds".into(), |n| n.to_string());
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "a tensor {dims:?} of {ty} takes {wanted} bytes, not {}",
                    data.len()
                ),
            ));
        }
        Ok(Self { dims, ty, data })
    }

    /// A tensor of `values`.
    ///
    /// # Errors
    /// As [`Tensor::new`].
    pub fn from_values<T: Element>(dims: Vec<u32>, values: &[T]) -> Result<Self, Error> {
        Self::new(dims, T::TYPE, bytemuck::cast_slice(values).to_vec())
    }

    /// The dimensions, outermost first.
    pub fn dims(&self) -> &[u32] {
        &self.dims
    }

    /// What the elements are.
    pub fn ty(&self) -> TensorType {
        self.ty
    }

    /// The elements as little-endian bytes.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The elements as little-endian bytes, without a copy.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// The elements as `T`; copied only if the bytes are not aligned for it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when the elements are not `T`.
    pub fn values<T: Element>(&self) -> Result<Cow<'_, [T]>, Error> {
        if self.ty != T::TYPE {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("a tensor of {} is not one of {}", self.ty, T::TYPE),
            ));
        }
        Ok(match bytemuck::try_cast_slice(&self.data) {
            Ok(values) => Cow::Borrowed(values),
            Err(_) => Cow::Owned(bytemuck::pod_collect_to_vec(&self.data)),
        })
    }
}

/// Bytes that a tensor takes, unless that overflows.
pub fn byte_length(dims: &[u32], ty: TensorType) -> Option<usize> {
    dims.iter()
        .try_fold(ty.size(), |n, &d| n.checked_mul(usize::try_from(d).ok()?))
}

/// What a model takes or gives: a name, a type and the dimensions, of which
/// `None` stands for any size.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TensorSpec {
    /// The tensor's name in the graph, or the name by which it was asked for.
    pub name: String,
    /// What the elements are.
    pub ty: TensorType,
    /// The dimensions, outermost first; `None` as a whole where the graph
    /// does not say.
    pub dims: Option<Vec<Option<u32>>>,
}

impl TensorSpec {
    /// A description of one tensor.
    pub fn new(name: impl Into<String>, ty: TensorType, dims: Option<Vec<Option<u32>>>) -> Self {
        Self {
            name: name.into(),
            ty,
            dims,
        }
    }
}
