//! The part of OpenVINO's C interface that is used here.
//!
//! The crate `openvino` would call it, too. It was looked at and left: its
//! enums of element types are undefined behaviour where a newer library answers
//! with a type that they lack, functions that a library lacks panic, a model
//! cannot be compiled with options of its own, a tensor cannot lie over memory
//! that is there, and each call takes a global lock.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use libloading::Library;
use wudf::nn::TensorType;

/// `ov_status_e`. Zero is success.
pub(super) type Status = c_int;
pub(super) const OK: Status = 0;
/// A part of OpenVINO has no such thing.
pub(super) const NOT_IMPLEMENTED: Status = -2;

/// `ov_element_type_e`, as numbers since 2025.1: a newer library may have more.
pub(super) type ElementType = u32;
const BOOLEAN: ElementType = 1;
const BF16: ElementType = 2;
const F16: ElementType = 3;
const F32: ElementType = 4;
const F64: ElementType = 5;
const I32: ElementType = 9;
const I64: ElementType = 10;
const U8: ElementType = 16;

/// The tensor type of an element type; truth values are bytes.
pub(super) fn tensor_type(ty: ElementType) -> Option<TensorType> {
    Some(match ty {
        F32 => TensorType::F32,
        U8 | BOOLEAN => TensorType::U8,
        I32 => TensorType::I32,
        I64 => TensorType::I64,
        F16 => TensorType::F16,
        F64 => TensorType::F64,
        BF16 => TensorType::Bf16,
        _ => return None,
    })
}

pub(super) fn is_truth(ty: ElementType) -> bool {
    ty == BOOLEAN
}

/// Element types and what their elements take, to see that numbers mean what
/// they are taken for.
pub(super) const SIZES: [(ElementType, usize); 8] = [
    (BOOLEAN, 1),
    (BF16, 2),
    (F16, 2),
    (F32, 4),
    (F64, 8),
    (I32, 4),
    (I64, 8),
    (U8, 1),
];

macro_rules! opaque {
    ($($name:ident)*) => { $(
        #[repr(C)]
        pub(super) struct $name {
            _private: [u8; 0],
        }
    )* };
}
opaque!(Core Model Compiled Request Port Tensor);

/// `ov_version_t`
#[repr(C)]
pub(super) struct Version {
    pub(super) build: *const c_char,
    pub(super) description: *const c_char,
}

/// `ov_shape_t`
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) rank: i64,
    pub(super) dims: *mut i64,
}

/// `ov_dimension_t`
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Dimension {
    pub(super) min: i64,
    pub(super) max: i64,
}

/// `ov_partial_shape_t`
#[repr(C)]
pub(super) struct PartialShape {
    pub(super) rank: Dimension,
    pub(super) dims: *mut Dimension,
}

macro_rules! api {
    ($($(#[$doc:meta])* $symbol:literal $name:ident($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// Its functions, from a library that stays loaded.
        pub(super) struct Api {
            $($(#[$doc])* pub(super) $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
            /// Compiles: core, model, device, two for each setting, where to put
            /// it; keys and values as C strings.
            pub(super) compile: unsafe extern "C" fn(
                *const Core, *const Model, *const c_char, usize, *mut *mut Compiled, ...
            ) -> Status,
        }

        impl Api {
            /// The functions of a library; the name of one that is not there.
            ///
            /// # Safety
            /// The library is OpenVINO's, and stays loaded while they are used.
            pub(super) unsafe fn of(library: &Library) -> Result<Self, &'static str> {
                // SAFETY: the types are those of OpenVINO's C interface since
                // 2023.0.
                unsafe {
                    Ok(Self {
                        $($name: *library.get(concat!($symbol, "\0").as_bytes()).map_err(|_| $symbol)?,)*
                        compile: *library
                            .get(b"ov_core_compile_model\0")
                            .map_err(|_| "ov_core_compile_model")?,
                    })
                }
            }
        }
    };
}

api! {
    "ov_get_openvino_version" version(*mut Version) -> Status;
    "ov_version_free" free_version(*mut Version);
    /// What a status means: a static text.
    "ov_get_error_info" explain(Status) -> *const c_char;
    /// What went wrong last on this thread.
    "ov_get_last_err_msg" last_error() -> *const c_char;
    "ov_free" free_text(*const c_char);
    "ov_core_create" new_core(*mut *mut Core) -> Status;
    "ov_core_get_property" core_property(*const Core, *const c_char, *const c_char, *mut *mut c_char) -> Status;
    /// Reads a model: core, bytes, their number, weights or null.
    "ov_core_read_model_from_memory_buffer"
    read(*const Core, *const c_char, usize, *const Tensor, *mut *mut Model) -> Status;
    "ov_model_free" free_model(*mut Model);
    "ov_compiled_model_get_property" compiled_property(*const Compiled, *const c_char, *mut *mut c_char) -> Status;
    "ov_compiled_model_inputs_size" inputs(*const Compiled, *mut usize) -> Status;
    "ov_compiled_model_input_by_name" input(*const Compiled, *const c_char, *mut *mut Port) -> Status;
    "ov_compiled_model_output_by_name" output(*const Compiled, *const c_char, *mut *mut Port) -> Status;
    "ov_compiled_model_create_infer_request" new_request(*const Compiled, *mut *mut Request) -> Status;
    "ov_compiled_model_free" free_compiled(*mut Compiled);
    "ov_port_get_element_type" port_type(*const Port, *mut ElementType) -> Status;
    "ov_port_get_partial_shape" port_shape(*const Port, *mut PartialShape) -> Status;
    "ov_partial_shape_free" free_partial_shape(*mut PartialShape);
    "ov_output_const_port_free" free_port(*mut Port);
    "ov_infer_request_set_tensor" set_tensor(*mut Request, *const c_char, *const Tensor) -> Status;
    "ov_infer_request_get_tensor" get_tensor(*const Request, *const c_char, *mut *mut Tensor) -> Status;
    "ov_infer_request_start_async" start(*mut Request) -> Status;
    "ov_infer_request_wait" wait(*mut Request) -> Status;
    /// Waits for so many milliseconds at most; what it gives does not say
    /// whether the run has ended.
    "ov_infer_request_wait_for" wait_for(*mut Request, i64) -> Status;
    "ov_infer_request_cancel" cancel(*mut Request) -> Status;
    "ov_infer_request_free" free_request(*mut Request);
    "ov_tensor_create_from_host_ptr"
    new_tensor(ElementType, Shape, *mut c_void, *mut *mut Tensor) -> Status;
    "ov_tensor_get_element_type" tensor_type(*const Tensor, *mut ElementType) -> Status;
    "ov_tensor_get_shape" tensor_shape(*const Tensor, *mut Shape) -> Status;
    "ov_shape_free" free_shape(*mut Shape) -> Status;
    "ov_tensor_get_byte_size" tensor_size(*const Tensor, *mut usize) -> Status;
    "ov_tensor_data" tensor_data(*const Tensor, *mut *mut c_void) -> Status;
    "ov_tensor_free" free_tensor(*mut Tensor);
}

/// What OpenVINO says where something fails.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: Status,
    pub(super) message: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl Api {
    /// The failure that a status stands for, if it does; to be asked for at once
    /// on the thread that made the call.
    pub(super) fn check(&self, status: Status) -> Result<(), Failure> {
        if status == OK {
            return Ok(());
        }
        // SAFETY: null or a text of this thread, until the next call.
        let last = unsafe { text((self.last_error)()) };
        // SAFETY: null or a static text.
        let meaning = || unsafe { text((self.explain)(status)) };
        let last = tidy(&last);
        let message = match last.is_empty() {
            true => tidy(&meaning()),
            false => last,
        };
        Err(Failure { status, message })
    }

    /// What a function puts where it is told.
    pub(super) fn made<T>(
        &self,
        make: impl FnOnce(*mut *mut T) -> Status,
    ) -> Result<ptr::NonNull<T>, Failure> {
        let mut made = ptr::null_mut();
        self.check(make(&mut made))?;
        ptr::NonNull::new(made).ok_or_else(|| Failure {
            status: OK,
            message: "made nothing".into(),
        })
    }

    /// A text that a function makes, and that is to be freed.
    pub(super) fn text(
        &self,
        make: impl FnOnce(*mut *mut c_char) -> Status,
    ) -> Result<String, Failure> {
        let made = self.made(make)?;
        // SAFETY: a C string, ours until it is freed.
        let text = unsafe { text(made.as_ptr()) };
        // SAFETY: made above, freed once.
        unsafe { (self.free_text)(made.as_ptr()) };
        Ok(text)
    }
}

/// A text in C; empty for null.
///
/// # Safety
/// Null, or a C string that lives during the call.
pub(super) unsafe fn text(text: *const c_char) -> String {
    match text.is_null() {
        true => String::new(),
        // SAFETY: not null, and a C string by the caller's word.
        false => unsafe { CStr::from_ptr(text) }
            .to_string_lossy()
            .into_owned(),
    }
}

/// OpenVINO's messages name its source files, line by line; what is left is the
/// reason, on one line.
pub(super) fn tidy(message: &str) -> String {
    const LONGEST: usize = 400;
    let noise = |line: &str| {
        line.is_empty()
            || line.starts_with("Exception from ")
            || line.starts_with("Check '") && line.contains("' failed at ")
    };
    let lines = message
        .lines()
        .map(str::trim)
        .filter(|line| !noise(line))
        .collect::<Vec<_>>()
        .join(": ");
    let lines = if lines.is_empty() { message } else { &lines };
    let mut tidy: String = lines
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect();
    if lines.chars().nth(LONGEST).is_some() {
        tidy.push_str("...");
    }
    tidy.trim().trim_end_matches('.').to_owned()
}
