//! Outputs by name, from files laid out as exporters do it.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use wudf::CallOptions;
use wudf::nn::{ErrorKind, ModelSource, ModelSpec, Tensor, TensorType};

use super::graphs::{CHANNELS, CLASSES, Net, SIZE};
use super::{backends, difference, load, pictures, values};
use crate::onnx::Graph;
use crate::onnx::proto::{AttributeProto, FunctionProto, ModelProto, TrainingInfoProto, data_type};

fn spec(file: Vec<u8>) -> ModelSpec {
    let mut spec = ModelSpec::new("m", "");
    spec.source = ModelSource::Bytes(Arc::from(file));
    spec
}

#[test]
fn features_and_logits_from_plain_exports() {
    for (layout, file) in [
        ("torchscript", Net::torchscript().file()),
        ("dynamo", Net::dynamo().file()),
        ("matmul, add, softmax", Net::matmul_add_softmax().file()),
    ] {
        let mut seen: Option<Vec<Tensor>> = None;
        for backend in backends() {
            let model = load(
                &backend,
                &spec(file.clone()),
                &["features", "logits", "relu", "features"],
            )
            .unwrap();
            let names: Vec<_> = model
                .outputs()
                .iter()
                .map(|output| output.name.as_str())
                .collect();
            assert_eq!(
                names,
                ["features", "logits", "relu", "features"],
                "{layout}"
            );
            assert!(
                model
                    .outputs()
                    .iter()
                    .all(|output| output.ty == TensorType::F32)
            );
            let input = model.inputs()[0].clone();
            assert_eq!(
                input.dims,
                Some(vec![None, Some(3), Some(SIZE), Some(SIZE)])
            );
            let outputs = model
                .run(
                    &[(&input.name, &pictures(2, SIZE, 1))],
                    &CallOptions::default(),
                )
                .unwrap();
            assert_eq!(outputs[0].dims(), [2, CHANNELS], "{layout}");
            assert_eq!(outputs[1].dims(), [2, CLASSES], "{layout}");
            assert_eq!(outputs[2].dims(), [2, CHANNELS, SIZE, SIZE], "{layout}");
            assert_eq!(outputs[0], outputs[3], "{layout}");
            // The features are the means of what is rectified.
            let area = (SIZE * SIZE) as usize;
            let means = values(&outputs[2])
                .chunks(area)
                .map(|map| map.iter().sum::<f32>() / area as f32)
                .collect::<Vec<_>>();
            let means = Tensor::from_values(vec![2, CHANNELS], &means).unwrap();
            assert!(
                difference(&outputs[0], &means) < 1e-5,
                "{layout}, {}",
                backend.name()
            );
            match &seen {
                None => seen = Some(outputs),
                Some(seen) => seen
                    .iter()
                    .zip(&outputs)
                    .for_each(|(a, b)| assert!(difference(a, b) < 1e-5, "{layout}")),
            }
        }
    }
}

#[test]
fn the_graphs_own_outputs_when_none_is_asked_for() {
    for backend in backends() {
        let model = load(&backend, &spec(Net::dynamo().file()), &[]).unwrap();
        assert_eq!(model.outputs().len(), 1);
        assert_eq!(model.outputs()[0].name, "linear");
        assert_eq!(model.outputs()[0].dims, Some(vec![None, Some(CLASSES)]));
    }
}

#[test]
fn a_tensor_of_the_name_wins() {
    let mut net = Net::new("input");
    net.node("Neg", &["relu"], "features", &[]);
    net.node("GlobalAveragePool", &["features"], "pool", &[]);
    net.node("Flatten", &["pool"], "flat", &[("axis", 1)]);
    net.gemm("flat", "first");
    let file = net.output("first", &[None, Some(CLASSES.into())]).file();
    for backend in backends() {
        let model = load(&backend, &spec(file.clone()), &["features", "logits"]).unwrap();
        let outputs = model
            .run(&[("input", &pictures(1, SIZE, 0))], &CallOptions::default())
            .unwrap();
        assert_eq!(
            outputs[0].dims(),
            [1, CHANNELS, SIZE, SIZE],
            "the tensor, not what the last layer takes"
        );
        assert_eq!(outputs[1].dims(), [1, CLASSES]);
    }
}

#[test]
fn names_that_are_not_there() {
    for backend in backends() {
        let e = load(
            &backend,
            &spec(Net::torchscript().file()),
            &["flatten_output"],
        )
        .err()
        .unwrap();
        assert_eq!(e.kind(), ErrorKind::NotFound);
        assert!(
            e.to_string().contains("`flatten_output`")
                && e.to_string().contains("`/Flatten_output_0`"),
            "{e}"
        );

        let mut net = Net::new("input");
        net.node("GlobalAveragePool", &["relu"], "pool", &[]);
        let file = net
            .output("pool", &[None, Some(CHANNELS.into()), Some(1), Some(1)])
            .file();
        let e = load(&backend, &spec(file), &["features"]).err().unwrap();
        assert_eq!(e.kind(), ErrorKind::NotFound);
        assert!(
            e.to_string().contains("fully connected") && e.to_string().contains("`pool`"),
            "{e}"
        );
    }
}

#[test]
fn weights_in_a_file_beside() {
    let folder = tempfile::tempdir().unwrap();
    let (file, data) = Net::dynamo().file_with_external("m.onnx.data");
    let path = folder.path().join("m.onnx");
    std::fs::write(&path, &file).unwrap();
    std::fs::write(folder.path().join("m.onnx.data"), &data).unwrap();
    for backend in backends() {
        let beside = load(
            &backend,
            &ModelSpec::new("m", path.to_str().unwrap()),
            &["features", "logits"],
        )
        .unwrap();
        let within = load(
            &backend,
            &spec(Net::dynamo().file()),
            &["features", "logits"],
        )
        .unwrap();
        let picture = pictures(1, SIZE, 3);
        let inputs = [("x", &picture)];
        assert_eq!(
            beside.run(&inputs, &CallOptions::default()).unwrap(),
            within.run(&inputs, &CallOptions::default()).unwrap()
        );
    }
}

/// Files of a model that is loaded may change, and end, under it.
#[test]
fn weights_that_change_under_a_loaded_model() {
    let folder = tempfile::tempdir().unwrap();
    let (file, data) = Net::dynamo().file_with_external("m.onnx.data");
    let path = folder.path().join("m.onnx");
    let beside = folder.path().join("m.onnx.data");
    std::fs::write(&path, &file).unwrap();
    for backend in backends() {
        std::fs::write(&beside, &data).unwrap();
        let spec = ModelSpec::new("m", path.to_str().unwrap());
        let model = load(&backend, &spec, &["features"]).unwrap();
        let picture = pictures(1, SIZE, 3);
        let run = || {
            model
                .run(&[("x", &picture)], &CallOptions::default())
                .unwrap()
        };
        let before = run();
        // In place: who has mapped the file sees it.
        let mut open = std::fs::OpenOptions::new()
            .write(true)
            .open(&beside)
            .unwrap();
        open.write_all(&vec![63; data.len()]).unwrap();
        assert_eq!(run(), before, "{}", backend.name());
        open.set_len(0).unwrap();
        assert_eq!(run(), before, "{}", backend.name());
    }
}

#[test]
fn weights_that_are_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let (file, data) = Net::dynamo().file_with_external("m.onnx.data");
    let path = folder.path().join("m.onnx");
    std::fs::write(&path, &file).unwrap();
    for length in [0, data.len() / 2, data.len() - 1] {
        std::fs::write(folder.path().join("m.onnx.data"), &data[..length]).unwrap();
        for backend in backends() {
            let spec = ModelSpec::new("m", path.to_str().unwrap());
            let e = load(&backend, &spec, &["features"]).err().unwrap();
            assert_eq!(e.kind(), ErrorKind::InvalidEncoding, "{length}: {e}");
        }
    }
}

#[test]
fn weights_elsewhere_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    for (location, kind) in [
        ("missing.data", ErrorKind::NotFound),
        ("../m.onnx.data", ErrorKind::Security),
        ("/etc/passwd", ErrorKind::Security),
        ("sub/m.data", ErrorKind::Security),
        ("*/_ORT_MEM_ADDR_/*", ErrorKind::Security),
        ("", ErrorKind::Security),
    ] {
        let (file, _) = Net::dynamo().file_with_external(location);
        std::fs::write(&path, &file).unwrap();
        for backend in backends() {
            let e = load(&backend, &ModelSpec::new("m", path.to_str().unwrap()), &[])
                .err()
                .unwrap();
            assert_eq!(e.kind(), kind, "{location}: {e}");
            // What a plugin hands over has no folder.
            let e = load(&backend, &spec(file.clone()), &[]).err().unwrap();
            assert_eq!(e.kind(), ErrorKind::Security, "{location}: {e}");
        }
    }
}

/// Wherever a file can name another: backends may read what they do not run.
#[test]
fn weights_elsewhere_are_found_in_functions_and_training() {
    let graph = |file: Vec<u8>| ModelProto::decode(file.as_slice()).unwrap();
    let (file, _) = Net::dynamo().file_with_external("/etc/passwd");
    let hidden = graph(file).graph;
    let function = FunctionProto {
        attribute_proto: vec![AttributeProto {
            g: hidden.clone(),
            ..AttributeProto::default()
        }],
        ..FunctionProto::default()
    };
    let training = TrainingInfoProto {
        algorithm: hidden,
        ..TrainingInfoProto::default()
    };
    let plain = graph(Net::dynamo().file());
    for (functions, training_info) in [(vec![function], vec![]), (vec![], vec![training])] {
        let model = ModelProto {
            functions,
            training_info,
            ..plain.clone()
        };
        let graph = Graph::read(&Bytes::from(model.encode_to_vec())).unwrap();
        assert_eq!(graph.external_files().collect::<Vec<_>>(), ["/etc/passwd"]);
    }
}

#[test]
fn other_element_types() {
    for (ty, elem_type, op) in [
        (TensorType::I64, data_type::INT64, "Abs"),
        (TensorType::I32, data_type::INT32, "Abs"),
        (TensorType::U8, data_type::UINT8, "Identity"),
        (TensorType::U8, data_type::BOOL, "Not"),
    ] {
        let mut net = Net::new("unused");
        net.0 = Default::default();
        net.0.name = "main".into();
        net.0
            .input
            .push(super::graphs::value("x", elem_type, Some(&[None, Some(3)])));
        net.node(op, &["x"], "y", &[]);
        net.0
            .output
            .push(super::graphs::value("y", elem_type, Some(&[None, Some(3)])));
        let file = net.file();
        for backend in backends() {
            let model = load(&backend, &spec(file.clone()), &[]).unwrap();
            assert_eq!(model.inputs()[0].ty, ty);
            assert_eq!(model.outputs()[0].ty, ty);
            let (x, y) = match (ty, op) {
                (TensorType::I64, _) => (tensor(&[-5_i64, 0, 7]), tensor(&[5_i64, 0, 7])),
                (TensorType::I32, _) => (tensor(&[-5_i32, 0, 7]), tensor(&[5_i32, 0, 7])),
                (_, "Not") => (tensor(&[2_u8, 0, 1]), tensor(&[0_u8, 1, 0])),
                _ => (tensor(&[200_u8, 0, 7]), tensor(&[200_u8, 0, 7])),
            };
            assert_eq!(
                model.run(&[("x", &x)], &CallOptions::default()).unwrap(),
                [y],
                "{ty} {op} {}",
                backend.name()
            );
        }
    }
}

fn tensor<T: wudf::nn::Element>(values: &[T]) -> Tensor {
    Tensor::from_values(vec![1, values.len() as u32], values).unwrap()
}
