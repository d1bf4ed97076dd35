//! `wudf:plugin/models`: what a model takes and gives.

use super::catalogue::Loaded;
use super::{Error, ErrorKind, TensorSpec, TensorType};
use crate::contract::v0_2::bindings::wudf::plugin::models as wit;
use crate::error::printable;
use crate::instance::State;

impl wit::Host for State {
    fn describe(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<wit::Description, wit::Problem>> {
        let described = self.timed(|state| {
            let catalogue = &state.shared.catalogue;
            let model = catalogue.load(&name)?;
            Ok(description(&model, catalogue.properties(&name)))
        });
        Ok(described.map_err(|error: Error| problem(&name, &error)))
    }
}

fn description(model: &Loaded, properties: Vec<(String, String)>) -> wit::Description {
    wit::Description {
        inputs: model.inputs().iter().map(tensor).collect(),
        outputs: model.outputs().iter().map(tensor).collect(),
        properties,
    }
}

fn tensor(spec: &TensorSpec) -> wit::Tensor {
    wit::Tensor {
        name: spec.name.clone(),
        format: format(spec.ty).to_owned(),
        dimensions: spec.dims.clone(),
    }
}

/// As the Arrow C Data Interface says it; Arrow has no bf16.
fn format(ty: TensorType) -> &'static str {
    match ty {
        TensorType::F16 => "e",
        TensorType::F32 => "f",
        TensorType::F64 => "g",
        TensorType::Bf16 => "bf16",
        TensorType::U8 => "C",
        TensorType::I32 => "i",
        TensorType::I64 => "l",
    }
}

fn problem(name: &str, error: &Error) -> wit::Problem {
    let code = match error.kind() {
        ErrorKind::NotFound => "not-found",
        ErrorKind::Timeout => "timeout",
        ErrorKind::TooLarge => "too-large",
        _ => "model",
    };
    wit::Problem {
        code: code.to_owned(),
        message: printable(&format!("model `{}`: {error}", printable(name, 100)), 2_000),
        properties: Vec::new(),
    }
}
