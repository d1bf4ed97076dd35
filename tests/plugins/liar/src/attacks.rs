//! Attacks on what the host offers: models, tensors, assets. The result is what
//! the host said to it, as text: `refused: ...` or `GOT ...`.

use crate::bindings::exports::wudf::plugin::scalar::Output;
use crate::bindings::wasi::nn::errors;
use crate::bindings::wasi::nn::graph::{ExecutionTarget, Graph, GraphEncoding, load, load_by_name};
use crate::bindings::wasi::nn::inference::GraphExecutionContext;
use crate::bindings::wasi::nn::tensor::{Tensor, TensorType};
use crate::bindings::wudf::plugin::arrow::{Node, Schema};
use crate::bindings::wudf::plugin::assets;
use crate::bindings::wudf::plugin::types::Problem;
use crate::{Lie, field};

fn text() -> Schema {
    vec![field("", "u", 0)]
}

/// The same text in each row.
fn say(rows: u32, said: &str) -> Result<Output, Problem> {
    let offsets = (0..=rows as usize).flat_map(|at| ((at * said.len()) as i32).to_le_bytes());
    let buffers = vec![
        vec![],
        offsets.collect(),
        said.repeat(rows as usize).into_bytes(),
    ];
    let values = vec![Node {
        length: rows.into(),
        null_count: 0,
        buffers,
    }];
    Ok(Output {
        values,
        failures: vec![],
    })
}

type Answer = Result<String, String>;

fn refused(error: errors::Error) -> String {
    format!("{:?}: {}", error.code(), error.data())
}

fn context(model: &str) -> Result<GraphExecutionContext, String> {
    load_by_name(model)
        .and_then(|graph| graph.init_execution_context())
        .map_err(refused)
}

/// Runs the model with these inputs.
fn compute(model: &str, inputs: Vec<(&str, Tensor)>) -> Answer {
    let inputs = inputs
        .into_iter()
        .map(|(name, tensor)| (name.to_owned(), tensor))
        .collect();
    let outputs = context(model)?.compute(inputs).map_err(refused)?;
    let outputs: Vec<_> = outputs
        .iter()
        .map(|(name, tensor)| (name, tensor.dimensions(), tensor.data().len()))
        .collect();
    Ok(format!("{outputs:?}"))
}

fn tensor(dimensions: &[u32], bytes: usize) -> Tensor {
    Tensor::new(dimensions, TensorType::Fp32, &vec![0; bytes])
}

fn name(model: &str) -> Answer {
    load_by_name(model)
        .map(|_| "a graph".to_owned())
        .map_err(refused)
}

fn bytes(bytes: &[Vec<u8>], encoding: GraphEncoding) -> Answer {
    load(bytes, encoding, ExecutionTarget::Cpu)
        .map(|_| "a graph".to_owned())
        .map_err(refused)
}

macro_rules! attacks {
    ($($name:ident |$model:ident| $attack:expr;)*) => {
        /// The attacks.
        pub const LIES: &[Lie] = &[$(Lie {
            name: stringify!($name),
            returns: text,
            call: |rows, model| {
                let attack = |$model: &str| -> Answer { $attack };
                say(rows, &attack(model).map_or_else(|no| format!("refused: {no}"), |yes| format!("GOT {yes}")))
            },
        }),*];
    };
}

attacks! {
    tensor_short |model| compute(model, vec![("", tensor(&[1, 4], 15))]);
    tensor_empty |model| compute(model, vec![("", tensor(&[1, 4], 0))]);
    tensor_long |model| compute(model, vec![("", tensor(&[1, 4], 17))]);
    tensor_overflows |model| compute(model, vec![("", tensor(&[u32::MAX; 4], 16))]);
    // The product is 0 where it wraps at 2^64.
    tensor_wraps |model| compute(model, vec![("", tensor(&[1 << 31, 1 << 31, 4], 0))]);
    tensor_zero |model| compute(model, vec![("", tensor(&[0, 4], 0))]);
    tensor_no_dimensions |model| compute(model, vec![("", tensor(&[], 4))]);
    tensor_many_dimensions |model| compute(model, vec![("", tensor(&[1; 100_000], 4))]);
    tensor_wrong_type |model| compute(model, vec![("", Tensor::new(&[1, 4], TensorType::U8, &[0; 4]))]);
    tensor_bf16 |model| compute(model, vec![("", Tensor::new(&[1, 4], TensorType::Bf16, &[0; 8]))]);
    tensor_huge |model| compute(model, vec![("", tensor(&[1, 1 << 28], 1 << 30))]);
    tensor_flood |_model| {
        let kept: Vec<_> = (0..100_000).map(|_| tensor(&[1, 1024], 4096)).collect();
        Ok(format!("{} tensors", kept.len()))
    };
    tensor_dimensions_flood |_model| {
        let dimensions = vec![0; 100_000];
        let kept: Vec<_> = (0..1_000).map(|_| tensor(&dimensions, 0)).collect();
        Ok(format!("{} tensors", kept.len()))
    };

    input_unknown |model| compute(model, vec![("no such input", tensor(&[1, 4], 16))]);
    input_escapes |model| compute(model, vec![("\u{1b}[2J", tensor(&[1, 4], 16))]);
    input_none |model| compute(model, vec![]);
    input_twice |model| compute(model, vec![("", tensor(&[1, 4], 16)), ("", tensor(&[1, 4], 16))]);
    input_thousands |model| compute(model, (0..10_000).map(|_| ("x", tensor(&[1], 4))).collect());

    model_from_bytes |_model| bytes(&[b"not a model".to_vec()], GraphEncoding::Onnx);
    model_from_no_bytes |_model| bytes(&[], GraphEncoding::Autodetect);
    model_from_many_bytes |_model| bytes(&[vec![0; 1 << 28]], GraphEncoding::Openvino);
    model_path |_model| name("/etc/passwd");
    model_path_up |_model| name("../../../../etc/passwd");
    model_empty |_model| name("");
    model_no_outputs |model| name(&format!("{model}#"));
    model_unknown_outputs |model| name(&format!("{model}#no such tensor,another"));
    model_many_outputs |model| name(&format!("{model}#{}", "x,".repeat(1 << 20)));
    model_escapes |_model| name("\u{1b}[2J\0\r\n");
    model_long |_model| name(&"x".repeat(16 << 20));
    graph_flood |model| {
        let kept: Result<Vec<Graph>, _> = (0..100_000).map(|_| load_by_name(model)).collect();
        kept.map(|kept| format!("{} graphs", kept.len())).map_err(refused)
    };
    context_flood |model| {
        let graph = load_by_name(model).map_err(refused)?;
        let kept: Result<Vec<_>, _> = (0..100_000).map(|_| graph.init_execution_context()).collect();
        kept.map(|kept| format!("{} contexts", kept.len())).map_err(refused)
    };

    asset_unknown |_model| assets::size("no such asset").map(|size| size.to_string()).map_err(|error| format!("{error:?}"));
    asset_path |_model| assets::size("/etc/passwd").map(|size| size.to_string()).map_err(|error| format!("{error:?}"));
    asset_past_end |_model| assets::read("words", u64::MAX, 1).map(|_| "bytes".into()).map_err(|error| format!("{error:?}"));
    asset_wraps |_model| assets::read("words", u64::MAX, u64::MAX).map(|_| "bytes".into()).map_err(|error| format!("{error:?}"));
    asset_huge |_model| assets::read("words", 0, u64::MAX).map(|_| "bytes".into()).map_err(|error| format!("{error:?}"));

    prints_escapes |_model| {
        print!("\u{1b}[2J\u{1b}]0;owned\u{7}");
        eprint!("\u{1b}[2J\u{1b}]0;owned\u{7}");
        Ok("printed".into())
    };
    prints_flood |_model| {
        for _ in 0..1_000_000 {
            eprintln!("{}", "x".repeat(100));
        }
        Ok("printed".into())
    };
}
