//! Owned forms of OpenVINO's objects, and the one way to run a model.

use std::ffi::{CStr, CString};
use std::ptr::{self, NonNull};
use std::time::Instant;

use wudf::CallOptions;

use super::api::{self, Failure};
use super::library::Openvino;

/// A compiled model.
pub(super) struct Compiled {
    library: &'static Openvino,
    compiled: NonNull<api::Compiled>,
}

// SAFETY: OpenVINO documents that many threads may use a compiled model, and
// make requests of it.
unsafe impl Send for Compiled {}
// SAFETY: as above.
unsafe impl Sync for Compiled {}

/// What a compiled model says of an input or output: its element type, and its
/// dimensions if their number is known.
pub(super) struct Described {
    pub(super) ty: api::ElementType,
    pub(super) dims: Option<Vec<Option<u32>>>,
}

/// A model's graph as it was read.
pub(super) struct Graph {
    library: &'static Openvino,
    model: NonNull<api::Model>,
}

impl Graph {
    /// Reads an ONNX file.
    pub(super) fn read(library: &'static Openvino, file: &[u8]) -> Result<Self, Failure> {
        let api = &library.api;
        // SAFETY: the bytes are as many as said, and copied; ONNX wants no
        // tensor of weights.
        let model = api.made(|model| unsafe {
            (api.read)(
                library.core.as_ptr(),
                file.as_ptr().cast(),
                file.len(),
                ptr::null(),
                model,
            )
        })?;
        Ok(Self { library, model })
    }

    /// Compiles it for the processor.
    pub(super) fn compile(&self, settings: &[(&CStr, &CStr); 5]) -> Result<Compiled, Failure> {
        let api = &self.library.api;
        let [a, b, c, d, e] = settings.map(|(key, value)| (key.as_ptr(), value.as_ptr()));
        // SAFETY: ten C strings follow, as their number says.
        let compiled = api.made(|compiled| unsafe {
            (api.compile)(
                self.library.core.as_ptr(),
                self.model.as_ptr(),
                c"CPU".as_ptr(),
                10,
                compiled,
                a.0,
                a.1,
                b.0,
                b.1,
                c.0,
                c.1,
                d.0,
                d.1,
                e.0,
                e.1,
            )
        })?;
        Ok(Compiled {
            library: self.library,
            compiled,
        })
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: owned, and freed once; what was compiled of it lives on.
        unsafe { (self.library.api.free_model)(self.model.as_ptr()) };
    }
}

impl Compiled {
    /// How many inputs it takes.
    pub(super) fn inputs(&self) -> Result<usize, Failure> {
        let mut count = 0;
        let api = &self.library.api;
        // SAFETY: `self` is live.
        api.check(unsafe { (api.inputs)(self.compiled.as_ptr(), &mut count) })?;
        Ok(count)
    }

    pub(super) fn input(&self, name: &CStr) -> Result<Described, Failure> {
        let api = &self.library.api;
        // SAFETY: `self` is live, the name a C string.
        let port =
            api.made(|port| unsafe { (api.input)(self.compiled.as_ptr(), name.as_ptr(), port) })?;
        self.describe(port)
    }

    pub(super) fn output(&self, name: &CStr) -> Result<Described, Failure> {
        let api = &self.library.api;
        // SAFETY: as for an input.
        let port =
            api.made(|port| unsafe { (api.output)(self.compiled.as_ptr(), name.as_ptr(), port) })?;
        self.describe(port)
    }

    /// A setting as it is in effect.
    pub(super) fn setting(&self, key: &CStr) -> Result<String, Failure> {
        let api = &self.library.api;
        // SAFETY: `self` is live, the key a C string.
        api.text(|text| unsafe {
            (api.compiled_property)(self.compiled.as_ptr(), key.as_ptr(), text)
        })
    }

    /// What runs it for one caller at a time.
    pub(super) fn request(&self) -> Result<Request, Failure> {
        let api = &self.library.api;
        // SAFETY: `self` is live; a request holds on to what it is of.
        let request =
            api.made(|request| unsafe { (api.new_request)(self.compiled.as_ptr(), request) })?;
        Ok(Request {
            library: self.library,
            request,
        })
    }

    fn describe(&self, port: NonNull<api::Port>) -> Result<Described, Failure> {
        let api = &self.library.api;
        let read = || {
            let mut ty = 0;
            // SAFETY: a live port; so below.
            api.check(unsafe { (api.port_type)(port.as_ptr(), &mut ty) })?;
            let mut shape = api::PartialShape {
                rank: api::Dimension { min: 0, max: 0 },
                dims: ptr::null_mut(),
            };
            // SAFETY: as above.
            api.check(unsafe { (api.port_shape)(port.as_ptr(), &mut shape) })?;
            let rank = usize::try_from(shape.rank.min)
                .ok()
                .filter(|_| shape.rank.min == shape.rank.max);
            let dims = rank.map(|rank| match rank == 0 || shape.dims.is_null() {
                true => Vec::new(),
                // SAFETY: a known rank is the number of dimensions.
                false => unsafe { std::slice::from_raw_parts(shape.dims, rank) }
                    .iter()
                    .map(|dim| u32::try_from(dim.min).ok().filter(|_| dim.min == dim.max))
                    .collect(),
            });
            // SAFETY: filled above, freed once.
            unsafe { (api.free_partial_shape)(&mut shape) };
            Ok(Described { ty, dims })
        };
        let described = read();
        // SAFETY: made by the caller for this, freed once.
        unsafe { (api.free_port)(port.as_ptr()) };
        described
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        // In a forked process this would wait for threads that are not there.
        if self.library.is_here() {
            // SAFETY: owned, and freed once.
            unsafe { (self.library.api.free_compiled)(self.compiled.as_ptr()) };
        }
    }
}

/// A tensor as it passes to OpenVINO.
pub(super) struct Input<'a> {
    pub(super) name: &'a CStr,
    pub(super) ty: api::ElementType,
    pub(super) dims: Vec<i64>,
    /// As long as `dims` and `ty` say, and aligned for `ty`.
    pub(super) data: &'a [u8],
}

/// A tensor as OpenVINO gives it.
pub(super) struct Output {
    pub(super) ty: api::ElementType,
    pub(super) dims: Vec<i64>,
    pub(super) data: Vec<u8>,
}

/// How a run ended that gave nothing.
pub(super) enum Ended {
    Late,
    Failed(Failure),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// How often a token is looked at while a model runs, in milliseconds.
const LOOK: i64 = 10;

/// What runs a model for one caller at a time.
pub(super) struct Request {
    library: &'static Openvino,
    request: NonNull<api::Request>,
}

// SAFETY: any thread may use a request, one at a time, for which calls ask for
// `&mut self`.
unsafe impl Send for Request {}

impl Request {
    /// Runs the model on `inputs`, all that it has, each once.
    ///
    /// A thread of OpenVINO's does the work. The function comes back when that
    /// has ended, whatever happens: it reads the inputs where they lie.
    pub(super) fn run(&mut self, inputs: &[Input<'_>], options: &CallOptions) -> Result<(), Ended> {
        let api = &self.library.api;
        let request = self.request.as_ptr();
        // Alive until the run is over.
        let tensors = inputs
            .iter()
            .map(|input| Tensor::over(self.library, input))
            .collect::<Result<Vec<_>, Failure>>()?;
        for (input, tensor) in inputs.iter().zip(&tensors) {
            // SAFETY: live objects, and a C string. OpenVINO holds on to the
            // tensor until the next run sets another, but looks at what it lies
            // over during a run only.
            api.check(unsafe {
                (api.set_tensor)(request, input.name.as_ptr(), tensor.0.as_ptr())
            })?;
        }
        // SAFETY: a live request that nobody else uses; so below. Inputs are
        // only read, and are there until it has ended.
        api.check(unsafe { (api.start)(request) })?;
        loop {
            let left = options.ends_at().map(|at| {
                let left = at.saturating_duration_since(Instant::now()).as_micros();
                i64::try_from(left.div_ceil(1000)).unwrap_or(i64::MAX)
            });
            let wait = match (left, options.token()) {
                (None, None) => break,
                (Some(left), None) => left,
                (left, Some(_)) => left.unwrap_or(LOOK).min(LOOK),
            };
            // SAFETY: as above. How it ended is found out below.
            if unsafe { (api.wait_for)(request, wait) } == api::OK {
                break;
            }
            if options.is_over() {
                // SAFETY: as above; nothing happens where it has ended. This is
                // for the run to end early, and if it does not, for us to wait.
                unsafe { (api.cancel)(request) };
                break;
            }
        }
        // SAFETY: as above.
        let ended = api.check(unsafe { (api.wait)(request) });
        ended.map_err(|failure| match options.is_over() {
            true => Ended::Late,
            false => Ended::Failed(failure),
        })
    }

    /// What the last run gave.
    pub(super) fn output(&mut self, name: &CString) -> Result<Output, Failure> {
        let api = &self.library.api;
        // SAFETY: a live request, which is not running, and a C string.
        let tensor = api.made(|tensor| unsafe {
            (api.get_tensor)(self.request.as_ptr(), name.as_ptr(), tensor)
        })?;
        Tensor(tensor, self.library).read()
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if self.library.is_here() {
            // SAFETY: owned, not running, freed once.
            unsafe { (self.library.api.free_request)(self.request.as_ptr()) };
        }
    }
}

/// A tensor that is freed when dropped, but not what it lies over.
struct Tensor(NonNull<api::Tensor>, &'static Openvino);

impl Tensor {
    /// A tensor over an input's own bytes, which must outlive its use.
    fn over(library: &'static Openvino, input: &Input<'_>) -> Result<Self, Failure> {
        let api = &library.api;
        let mut dims = input.dims.clone();
        let shape = api::Shape {
            rank: dims.len() as i64,
            dims: dims.as_mut_ptr(),
        };
        // SAFETY: the data is as long as type and dimensions say, and aligned;
        // the dimensions are copied.
        let tensor = api.made(|tensor| unsafe {
            (api.new_tensor)(
                input.ty,
                shape,
                input.data.as_ptr().cast_mut().cast(),
                tensor,
            )
        })?;
        Ok(Self(tensor, library))
    }

    fn read(&self) -> Result<Output, Failure> {
        let api = &self.1.api;
        let tensor = self.0.as_ptr();
        let odd = |what: &str| Failure {
            status: api::OK,
            message: format!("an output {what}"),
        };
        let (mut ty, mut size) = (0, 0);
        // SAFETY: a live tensor; so below.
        api.check(unsafe { (api.tensor_type)(tensor, &mut ty) })?;
        // SAFETY: as above.
        api.check(unsafe { (api.tensor_size)(tensor, &mut size) })?;
        let mut shape = api::Shape {
            rank: 0,
            dims: ptr::null_mut(),
        };
        // SAFETY: as above.
        api.check(unsafe { (api.tensor_shape)(tensor, &mut shape) })?;
        let rank = usize::try_from(shape.rank).unwrap_or_default();
        let dims = match rank == 0 || shape.dims.is_null() {
            true => Vec::new(),
            // SAFETY: filled above, as many as the rank says.
            false => unsafe { std::slice::from_raw_parts(shape.dims, rank) }.to_vec(),
        };
        // SAFETY: filled above, freed once.
        unsafe { (api.free_shape)(&mut shape) };
        let mut data = ptr::null_mut();
        if size > 0 {
            // SAFETY: as above.
            api.check(unsafe { (api.tensor_data)(tensor, &mut data) })?;
            if data.is_null() {
                return Err(odd("has no data"));
            }
        }
        let data = match size {
            0 => Vec::new(),
            // SAFETY: a dense tensor holds as many bytes as it says, and nobody
            // writes to them after the run.
            _ => unsafe { std::slice::from_raw_parts(data.cast::<u8>(), size) }.to_vec(),
        };
        Ok(Output { ty, dims, data })
    }
}

impl Drop for Tensor {
    fn drop(&mut self) {
        // SAFETY: owned, and freed once.
        unsafe { (self.1.api.free_tensor)(self.0.as_ptr()) };
    }
}
