//! The backends that a program offers.

use std::path::PathBuf;
use std::sync::Arc;

use wudf::nn::Backend;

use crate::source::Sources;

/// Where the shared libraries of backends lie: each a library or its folder,
/// searched when `None`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Libraries {
    /// ONNX Runtime's.
    pub onnxruntime: Option<PathBuf>,
    /// The one of OpenVINO's C interface.
    pub openvino: Option<PathBuf>,
}

impl Libraries {
    /// The backend of the library that is named: who names one wants it used.
    pub fn backend(&self) -> Option<&'static str> {
        match (&self.onnxruntime, &self.openvino) {
            (Some(_), _) => Some("onnxruntime"),
            (None, Some(_)) => Some("openvino"),
            (None, None) => None,
        }
    }
}

/// All backends of this build, the one to prefer first: `rten`, which is always
/// there, then `onnxruntime` and `openvino`.
///
/// Libraries are searched when a model first asks for them, so that they cost
/// nothing otherwise, and so that who asks for one learns why it is not there.
pub fn defaults(libraries: Libraries, sources: Arc<Sources>) -> Vec<Arc<dyn Backend>> {
    let mut backends: Vec<Arc<dyn Backend>> = Vec::new();
    #[cfg(feature = "rten")]
    backends.push(Arc::new(crate::Rten::new(Arc::clone(&sources))));
    #[cfg(feature = "onnxruntime")]
    backends.push(Arc::new(when_asked_for::OnnxRuntime {
        library: libraries.onnxruntime,
        sources: Arc::clone(&sources),
    }));
    #[cfg(feature = "openvino")]
    backends.push(Arc::new(when_asked_for::OpenVino {
        library: libraries.openvino,
        sources: Arc::clone(&sources),
    }));
    // Not used where features are off.
    let _ = (sources, &mut backends);
    backends
}

#[cfg(any(feature = "onnxruntime", feature = "openvino"))]
mod when_asked_for {
    use std::path::PathBuf;
    use std::sync::Arc;

    use wudf::nn::{Backend, Error, LoadRequest, Model, ModelSpec};

    use crate::source::Sources;

    macro_rules! found_with_the_first_model {
        ($feature:literal, $module:ident, $backend:ident) => {
            /// Found with the first model.
            #[cfg(feature = $feature)]
            pub(super) struct $backend {
                pub(super) library: Option<PathBuf>,
                pub(super) sources: Arc<Sources>,
            }

            #[cfg(feature = $feature)]
            impl Backend for $backend {
                fn name(&self) -> &str {
                    $feature
                }

                fn load(&self, request: &LoadRequest<'_>) -> Result<Box<dyn Model>, Error> {
                    let options = crate::$module::Options {
                        library: self.library.clone(),
                    };
                    let sources = Arc::clone(&self.sources);
                    crate::$module::$backend::find(&options, sources)?.load(request)
                }

                fn identity(&self, spec: &ModelSpec) -> Option<String> {
                    crate::stamp::identity(spec)
                }
            }
        };
    }

    found_with_the_first_model!("onnxruntime", onnxruntime, OnnxRuntime);
    found_with_the_first_model!("openvino", openvino, OpenVino);
}
