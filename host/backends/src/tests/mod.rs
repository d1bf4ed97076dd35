//! What every backend has to do, tested with each.

mod broken;
pub(crate) mod graphs;
mod layouts;
mod runs;

use std::path::PathBuf;
use std::sync::Arc;

use wudf::nn::{Backend, Error, LoadRequest, Model, ModelSpec, Tensor};
use wudf_test_support::skipped;

use crate::source::Sources;

/// The backends of this build that can run here.
///
/// ONNX Runtime is taken from `WUDF_ONNXRUNTIME` or searched, OpenVINO from
/// `WUDF_OPENVINO`.
fn backends() -> Vec<Arc<dyn Backend>> {
    let mut backends: Vec<Arc<dyn Backend>> = Vec::new();
    #[cfg(feature = "rten")]
    backends.push(Arc::new(crate::Rten::new(Arc::default())));
    #[cfg(feature = "onnxruntime")]
    backends.extend(onnxruntime().map(|backend| backend as Arc<dyn Backend>));
    #[cfg(feature = "openvino")]
    backends.extend(openvino().map(|backend| backend as Arc<dyn Backend>));
    backends
}

#[cfg(feature = "onnxruntime")]
pub(crate) fn onnxruntime() -> Option<Arc<crate::OnnxRuntime>> {
    let library = std::env::var_os("WUDF_ONNXRUNTIME").map(PathBuf::from);
    let named = library.is_some();
    let options = crate::onnxruntime::Options { library };
    let found = crate::OnnxRuntime::find(&options, Arc::<Sources>::default());
    present("onnxruntime", found, named)
}

#[cfg(feature = "openvino")]
pub(crate) fn openvino() -> Option<Arc<crate::OpenVino>> {
    let library = std::env::var_os("WUDF_OPENVINO").map(PathBuf::from);
    let named = library.is_some();
    let options = crate::openvino::Options { library };
    let found = crate::OpenVino::find(&options, Arc::<Sources>::default());
    present("openvino", found, named)
}

/// A backend that was found; where it was not, a skip is recorded. One that was `named` must be there.
#[cfg(any(feature = "onnxruntime", feature = "openvino"))]
fn present<B>(name: &str, found: Result<B, Error>, named: bool) -> Option<Arc<B>> {
    match found {
        Ok(backend) => Some(Arc::new(backend)),
        Err(e) if named => panic!("the backend {name}: {e}"),
        Err(e) => {
            skipped(&format!("the backend {name} is not tested: {e}"));
            None
        }
    }
}

pub(crate) fn load(
    backend: &Arc<dyn Backend>,
    spec: &ModelSpec,
    outputs: &[&str],
) -> Result<Box<dyn Model>, Error> {
    let outputs: Vec<String> = outputs.iter().map(|&name| name.into()).collect();
    backend.load(&LoadRequest::new(spec, &outputs))
}

/// A picture, or several: f32 [n, 3, size, size], different for each seed.
pub(crate) fn pictures(n: u32, size: u32, seed: u32) -> Tensor {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let values: Vec<f32> = (0..n * 3 * size * size)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((i % size) as f32 / size as f32 * (seed + 1) as f32).fract()
                + (state >> 8) as f32 / (1 << 24) as f32
                - 1.0
        })
        .collect();
    Tensor::from_values(vec![n, 3, size, size], &values).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.values().unwrap().into_owned()
}

/// The greatest difference, relative to the greatest number.
pub(crate) fn difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    let (a, b) = (values(a), values(b));
    assert!(a.iter().chain(&b).all(|x| x.is_finite()));
    let largest = b.iter().fold(0.0, |m: f32, x| m.max(x.abs()));
    a.iter()
        .zip(&b)
        .fold(0.0, |m: f32, (x, y)| m.max((x - y).abs()))
        / largest
}
