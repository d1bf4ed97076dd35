//! The backends that a program offers.

use std::path::PathBuf;
use std::sync::Arc;

use wudf::nn::Backend;

use crate::source::Sources;

/// All backends of this build, the one to prefer first: `rten`, which is always
/// there, then `onnxruntime`.
///
/// ONNX Runtime is searched when a model first asks for it, so that it costs
/// nothing otherwise, and so that who asks for it learns why it is not there.
/// `onnxruntime` names its library or the library's folder.
pub fn defaults(onnxruntime: Option<PathBuf>, sources: Arc<Sources>) -> Vec<Arc<dyn Backend>> {
    let mut backends: Vec<Arc<dyn Backend>> = Vec::new();
    #[cfg(feature = "rten")]
    backends.push(Arc::new(crate::Rten::new(Arc::clone(&sources))));
    #[cfg(feature = "onnxruntime")]
    backends.push(Arc::new(when_asked_for::OnnxRuntime {
        library: onnxruntime,
        sources: Arc::clone(&sources),
    }));
    // Not used where features are off.
    let _ = (sources, &mut backends);
    #[cfg(not(feature = "onnxruntime"))]
    let _ = onnxruntime;
    backends
}

#[cfg(feature = "onnxruntime")]
mod when_asked_for {
    use std::path::PathBuf;
    use std::sync::Arc;

    use wudf::nn::{Backend, Error, LoadRequest, Model};

    use crate::onnxruntime::{self, Options};
    use crate::source::Sources;

    /// ONNX Runtime, found with the first model.
    pub(super) struct OnnxRuntime {
        pub(super) library: Option<PathBuf>,
        pub(super) sources: Arc<Sources>,
    }

    impl Backend for OnnxRuntime {
        fn name(&self) -> &str {
            "onnxruntime"
        }

        fn load(&self, request: &LoadRequest<'_>) -> Result<Box<dyn Model>, Error> {
            let options = Options {
                library: self.library.clone(),
            };
            onnxruntime::OnnxRuntime::find(&options, Arc::clone(&self.sources))?.load(request)
        }
    }
}
