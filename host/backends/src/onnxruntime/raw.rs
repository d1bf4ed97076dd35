//! The calls that `ort` has no safe form for: a run through a shared session.
//!
//! `ort` asks for `&mut Session` to run one, because some execution providers
//! cannot take two runs at once. The CPU's can: ONNX Runtime documents that
//! many threads may call `Run` on one session, and its own bindings and servers
//! do. So the call is made here, with the tensors' own bytes as inputs; the
//! caller serialises runs on other providers.

use std::ffi::{CString, c_void};
use std::ptr::{self, NonNull};

use ort::AsPointer;
use ort::memory::MemoryInfo;
use ort::session::{RunOptions, Session};
use ort::sys::{ONNXTensorElementDataType as ElementType, OrtTensorTypeAndShapeInfo, OrtValue};
use wudf::nn::TensorType;

/// A tensor as it passes to ONNX Runtime: dimensions, type, elements.
pub(super) struct Input<'a> {
    pub(super) name: &'a CString,
    pub(super) dims: Vec<i64>,
    pub(super) ty: ElementType,
    /// As long as `dims` and `ty` say, and aligned for `ty`.
    pub(super) data: &'a [u8],
}

/// Runs `session` and hands each output to `take`: its number, dimensions, type
/// and elements.
pub(super) fn run(
    session: &Session,
    options: Option<&RunOptions>,
    inputs: &[Input<'_>],
    outputs: &[CString],
    mut take: impl FnMut(usize, &[i64], i32, &[u8]),
) -> ort::Result<()> {
    let api = ort::api();
    let memory = MemoryInfo::default();
    let values = inputs
        .iter()
        .map(|input| Value::borrow(&memory, input))
        .collect::<ort::Result<Vec<_>>>()?;
    let input_names: Vec<_> = inputs.iter().map(|input| input.name.as_ptr()).collect();
    let input_values: Vec<_> = values
        .iter()
        .map(|value| value.0.as_ptr().cast_const())
        .collect();
    let output_names: Vec<_> = outputs.iter().map(|name| name.as_ptr()).collect();
    let mut output_values: Vec<*mut OrtValue> = vec![ptr::null_mut(); outputs.len()];

    // SAFETY: the pointers are to arrays of the lengths given, and live until
    // the call returns. The session is not changed: `Run` is const and
    // documented to be safe from many threads (see the module's words). Null
    // options mean the defaults; null outputs are for ONNX Runtime to allocate.
    let status = unsafe {
        (api.Run)(
            session.ptr().cast_mut(),
            options.map_or(ptr::null(), AsPointer::ptr),
            input_names.as_ptr(),
            input_values.as_ptr(),
            inputs.len(),
            output_names.as_ptr(),
            outputs.len(),
            output_values.as_mut_ptr(),
        )
    };
    // Owned from here on, also when some were made before the run failed.
    let output_values: Vec<_> = output_values
        .into_iter()
        .map(|value| NonNull::new(value).map(Value))
        .collect();
    // SAFETY: the status comes from the call above, and is used once.
    unsafe { ort::Error::result_from_status(status) }?;
    for (n, value) in output_values.iter().enumerate() {
        let value = value
            .as_ref()
            .ok_or_else(|| ort::Error::new("a run gave no value for an output"))?;
        let (dims, ty) = value.dims_and_type()?;
        take(n, &dims, ty, value.elements(&dims, ty)?);
    }
    Ok(())
}

/// An `OrtValue` that is released when dropped.
struct Value(NonNull<OrtValue>);

impl Value {
    /// A tensor over the input's own bytes, which must outlive it.
    fn borrow(memory: &MemoryInfo<'_>, input: &Input<'_>) -> ort::Result<Self> {
        let mut value = ptr::null_mut();
        // SAFETY: the data is as long as said, checked against the dimensions
        // by ONNX Runtime, and only read: inputs are never written to. The
        // caller keeps it until the run is over.
        let status = unsafe {
            (ort::api().CreateTensorWithDataAsOrtValue)(
                memory.ptr(),
                input.data.as_ptr().cast_mut().cast::<c_void>(),
                input.data.len(),
                input.dims.as_ptr(),
                input.dims.len(),
                input.ty,
                &mut value,
            )
        };
        // SAFETY: the status comes from the call above, and is used once.
        unsafe { ort::Error::result_from_status(status) }?;
        NonNull::new(value)
            .map(Self)
            .ok_or_else(|| ort::Error::new("ONNX Runtime made no tensor"))
    }

    /// The dimensions, and the element type by ONNX's number.
    fn dims_and_type(&self) -> ort::Result<(Vec<i64>, i32)> {
        let api = ort::api();
        let mut is_tensor = 0;
        // SAFETY: `self` is a live value; so in all calls below.
        let status = unsafe { (api.IsTensor)(self.0.as_ptr(), &mut is_tensor) };
        // SAFETY: the status of the call above, used once; so below.
        unsafe { ort::Error::result_from_status(status) }?;
        if is_tensor == 0 {
            return Err(ort::Error::new("an output is no dense tensor"));
        }
        let mut info: *mut OrtTensorTypeAndShapeInfo = ptr::null_mut();
        // SAFETY: as above.
        unsafe {
            ort::Error::result_from_status((api.GetTensorTypeAndShape)(self.0.as_ptr(), &mut info))
        }?;
        let read = || {
            let mut ty: i32 = 0;
            // SAFETY: `info` is live; the enum is a C int, which may hold more
            // than `ort` knows, and so is read as one.
            let status = unsafe {
                (api.GetTensorElementType)(info, ptr::from_mut(&mut ty).cast::<ElementType>())
            };
            // SAFETY: as above.
            unsafe { ort::Error::result_from_status(status) }?;
            let mut rank = 0;
            // SAFETY: as above.
            unsafe { ort::Error::result_from_status((api.GetDimensionsCount)(info, &mut rank)) }?;
            let mut dims = vec![0; rank];
            // SAFETY: `dims` has room for `rank` numbers.
            unsafe {
                ort::Error::result_from_status((api.GetDimensions)(info, dims.as_mut_ptr(), rank))
            }?;
            Ok((dims, ty))
        };
        let result = read();
        // SAFETY: made above, released once, not used again.
        unsafe { (api.ReleaseTensorTypeAndShapeInfo)(info) };
        result
    }

    /// The elements, little-endian; empty for types that [`tensor_type`] does
    /// not know.
    fn elements(&self, dims: &[i64], ty: i32) -> ort::Result<&[u8]> {
        let Some(ty) = tensor_type(ty) else {
            return Ok(&[]);
        };
        let length = dims
            .iter()
            .try_fold(ty.size(), |n, &size| {
                n.checked_mul(usize::try_from(size).ok()?)
            })
            .ok_or_else(|| ort::Error::new("an output is too large"))?;
        let mut data: *mut c_void = ptr::null_mut();
        // SAFETY: `self` is a live tensor.
        unsafe {
            ort::Error::result_from_status((ort::api().GetTensorMutableData)(
                self.0.as_ptr(),
                &mut data,
            ))
        }?;
        if length == 0 {
            return Ok(&[]);
        }
        if data.is_null() {
            return Err(ort::Error::new("an output has no data"));
        }
        // SAFETY: the buffer of a dense tensor holds the elements that its
        // dimensions say, lives as long as the value, and nobody writes to it
        // after the run.
        Ok(unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length) })
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: owned by `self`, and released once.
        unsafe { (ort::api().ReleaseValue)(self.0.as_ptr()) };
    }
}

/// The tensor type of an ONNX element type by its number; truth values are
/// bytes.
pub(super) fn tensor_type(ty: i32) -> Option<TensorType> {
    const FLOAT: i32 = ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT as i32;
    const UINT8: i32 = ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8 as i32;
    const INT32: i32 = ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32 as i32;
    const INT64: i32 = ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 as i32;
    const BOOL: i32 = ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL as i32;
    const FLOAT16: i32 = ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 as i32;
    const DOUBLE: i32 = ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE as i32;
    const BFLOAT16: i32 = ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16 as i32;
    Some(match ty {
        FLOAT => TensorType::F32,
        UINT8 | BOOL => TensorType::U8,
        INT32 => TensorType::I32,
        INT64 => TensorType::I64,
        FLOAT16 => TensorType::F16,
        DOUBLE => TensorType::F64,
        BFLOAT16 => TensorType::Bf16,
        _ => return None,
    })
}

/// The ONNX element type of a tensor type.
pub(super) fn element_type(ty: TensorType) -> ElementType {
    match ty {
        TensorType::F32 => ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
        TensorType::F64 => ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE,
        TensorType::F16 => ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
        TensorType::Bf16 => ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16,
        TensorType::U8 => ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
        TensorType::I32 => ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32,
        TensorType::I64 => ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
        _ => ElementType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED,
    }
}
