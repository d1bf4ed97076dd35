//! Runs of the seeded networks.

use std::thread;
use std::time::{Duration, Instant};

use wudf::nn::{Device, ErrorKind, ModelSource, ModelSpec, Precision, Tensor};
use wudf::{CallOptions, CancellationToken};

use super::graphs::{CHANNELS, CLASSES, Net, SIZE};
use super::{backends, difference, load, pictures, values};
use crate::onnx::proto::data_type;

#[test]
fn resnet50_is_the_same_in_all_backends() {
    let spec = ModelSpec::new("resnet50", "seeded:resnet50");
    let picture = pictures(1, 224, 1);
    let other = pictures(1, 224, 2);
    let mut seen: Option<Vec<Tensor>> = None;
    for backend in backends() {
        let model = load(
            &backend,
            &spec,
            &["features", "logits", "layer1.0.add.output"],
        )
        .unwrap();
        let outputs = model
            .run(&[("input", &picture)], &CallOptions::default())
            .unwrap();
        assert_eq!(outputs[0].dims(), [1, 2048]);
        assert_eq!(outputs[1].dims(), [1, 1000]);
        assert_eq!(outputs[2].dims(), [1, 256, 56, 56]);
        let others = model
            .run(&[("input", &other)], &CallOptions::default())
            .unwrap();
        assert!(
            difference(&outputs[0], &others[0]) > 0.01,
            "different pictures, different features"
        );
        match &seen {
            None => seen = Some(outputs),
            Some(seen) => seen
                .iter()
                .zip(&outputs)
                .for_each(|(a, b)| assert!(difference(a, b) < 1e-3)),
        }
    }
}

#[test]
fn any_tensor_can_be_asked_for() {
    let spec = ModelSpec::new("tiny", "seeded:tiny");
    let picture = pictures(3, 224, 1);
    let names = [
        "conv1.output",
        "relu.output",
        "avgpool.output",
        "features",
        "logits",
    ];
    for backend in backends() {
        let together = load(&backend, &spec, &names)
            .unwrap()
            .run(&[("input", &picture)], &CallOptions::default())
            .unwrap();
        assert_eq!(together.len(), names.len());
        for (name, together) in names.iter().zip(&together) {
            let alone = load(&backend, &spec, &[name])
                .unwrap()
                .run(&[("input", &picture)], &CallOptions::default())
                .unwrap();
            assert!(
                difference(&alone[0], together) < 1e-5,
                "{name} in {}",
                backend.name()
            );
        }
    }
}

#[test]
fn many_threads_on_one_model() {
    for backend in backends() {
        let model = load(
            &backend,
            &ModelSpec::new("tiny", "seeded:tiny"),
            &["features"],
        )
        .unwrap();
        assert_eq!(model.batch_size(), 1);
        let pictures: Vec<_> = (0..8).map(|seed| pictures(1, 224, seed)).collect();
        let run = |picture: &Tensor, options: &CallOptions| {
            model.run(&[("input", picture)], options).unwrap()
        };
        let always = CallOptions::default();
        let wanted: Vec<_> = pictures.iter().map(|p| run(p, &always)).collect();
        let (pictures, wanted, run) = (&pictures, &wanted, &run);
        thread::scope(|scope| {
            for t in 0..8 {
                scope.spawn(move || {
                    for n in 0..40 {
                        let mut options = CallOptions::new();
                        if n % 2 == 0 {
                            options = options.deadline(Instant::now() + Duration::from_secs(60));
                        }
                        let n = (t + n) % 8;
                        assert_eq!(run(&pictures[n], &options), wanted[n]);
                    }
                });
            }
        });
    }
}

#[test]
fn a_deadline_that_has_passed() {
    for backend in backends() {
        let model = load(&backend, &ModelSpec::new("tiny", "seeded:tiny"), &[]).unwrap();
        let e = model
            .run(
                &[("input", &pictures(1, 224, 0))],
                &CallOptions::new().deadline(Instant::now()),
            )
            .unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Timeout);
    }
}

/// In those that can: all but rten.
#[test]
fn a_deadline_ends_a_run() {
    let backends = backends();
    for backend in backends.iter().filter(|backend| backend.name() != "rten") {
        let spec = ModelSpec::new("resnet50", "seeded:resnet50");
        let model = load(backend, &spec, &["features"]).unwrap();
        // Sixteen pictures take long on any machine.
        let many = pictures(16, 224, 0);
        let start = Instant::now();
        let e = model
            .run(
                &[("input", &many)],
                &CallOptions::new().deadline(start + Duration::from_millis(5)),
            )
            .unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Timeout, "{}: {e}", backend.name());
        let stopped = start.elapsed();
        // The model is none the worse for it.
        let start = Instant::now();
        let late = CallOptions::new().deadline(start + Duration::from_secs(600));
        model.run(&[("input", &many)], &late).unwrap();
        assert!(stopped < start.elapsed(), "{}", backend.name());
    }
}

/// In those that can: all but rten.
#[test]
fn a_token_ends_a_run() {
    let backends = backends();
    for backend in backends.iter().filter(|backend| backend.name() != "rten") {
        let spec = ModelSpec::new("resnet50", "seeded:resnet50");
        let model = load(backend, &spec, &["features"]).unwrap();
        let many = pictures(16, 224, 0);
        let token = CancellationToken::new();
        let options = CallOptions::new().cancel(token.clone());
        let (stopped, error) = thread::scope(|scope| {
            let run = scope.spawn(|| model.run(&[("input", &many)], &options));
            thread::sleep(Duration::from_millis(30));
            let start = Instant::now();
            token.cancel();
            let error = run.join().unwrap().unwrap_err();
            (start.elapsed(), error)
        });
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        // The model is none the worse for it, and a whole run takes longer.
        let start = Instant::now();
        let other = CallOptions::new().cancel(CancellationToken::new());
        model.run(&[("input", &many)], &other).unwrap();
        assert!(stopped < start.elapsed(), "{}", backend.name());
    }
}

/// Runs that end early, and runs that do not, of many threads at once.
#[test]
fn deadlines_of_some_leave_others_alone() {
    let backends = backends();
    for backend in backends.iter().filter(|backend| backend.name() != "rten") {
        let spec = ModelSpec::new("resnet50", "seeded:resnet50");
        let model = load(backend, &spec, &["features"]).unwrap();
        let picture = pictures(1, 224, 3);
        let wanted = model
            .run(&[("input", &picture)], &CallOptions::default())
            .unwrap();
        let (model, picture, wanted) = (&model, &picture, &wanted);
        thread::scope(|scope| {
            for t in 0..4 {
                scope.spawn(move || {
                    for n in 0..4 {
                        let early = (t + n) % 2 == 0;
                        let mut options = CallOptions::new();
                        if early {
                            options = options.deadline(Instant::now() + Duration::from_millis(1));
                        }
                        match model.run(&[("input", picture)], &options) {
                            Ok(outputs) => assert_eq!(outputs, *wanted),
                            Err(e) => {
                                assert_eq!(e.kind(), ErrorKind::Timeout, "{e}");
                                assert!(early);
                            }
                        }
                    }
                });
            }
        });
    }
}

#[test]
fn what_is_not_supported() {
    let spec = || ModelSpec::new("tiny", "seeded:tiny");
    for backend in backends() {
        for precision in [Precision::Bf16, Precision::F16] {
            match load(&backend, &spec().precision(precision), &[]) {
                // Which of them it has is the processor's affair.
                Ok(_) => assert_eq!(backend.name(), "openvino"),
                Err(e) => assert_eq!(e.kind(), ErrorKind::Unsupported, "{e}"),
            }
        }
        load(&backend, &spec().precision(Precision::F32), &[]).unwrap();
        // No machine has a hundred.
        let e = load(&backend, &spec().device(Device::Gpu(100)), &[])
            .err()
            .unwrap();
        assert_eq!(e.kind(), ErrorKind::Unsupported, "{e}");
        let wanted = match backend.name() {
            "onnxruntime" => ["GPU 100", "onnxruntime-gpu"],
            _ => ["runs on the CPU only", "another backend"],
        };
        let e = e.to_string();
        assert!(wanted.iter().all(|wanted| e.contains(wanted)), "{e}");
        // The processor is as good as before.
        load(&backend, &spec(), &[]).unwrap();
    }
}

/// Backends take inputs where they lie, and may not compute in place there.
#[test]
fn inputs_are_only_read() {
    let mut net = Net::new("unused");
    net.0.node.clear();
    net.0.initializer.clear();
    net.0.input[0].name = "x".into();
    net.node("Neg", &["x"], "a", &[]);
    net.node("Relu", &["a"], "b", &[]);
    net.node("Neg", &["b"], "y", &[]);
    let size = Some(i64::from(SIZE));
    let file = net.output("y", &[None, Some(3), size, size]).file();
    let mut spec = ModelSpec::new("m", "");
    spec.source = ModelSource::Bytes(file.into());
    for backend in backends() {
        let model = load(&backend, &spec, &[]).unwrap();
        for seed in 0..3 {
            let picture = pictures(2, SIZE, seed);
            let before = picture.clone();
            let negative = values(&picture)
                .iter()
                .map(|x| x.min(0.0))
                .collect::<Vec<_>>();
            let outputs = model
                .run(&[("x", &picture)], &CallOptions::default())
                .unwrap();
            assert_eq!(values(&outputs[0]), negative, "{}", backend.name());
            assert!(picture == before, "{}", backend.name());
        }
    }
}

/// Weights and values of eight bits, as quantisers write them.
#[test]
fn models_of_whole_numbers() {
    let mut net = Net::new("input");
    net.tensor(
        "scale",
        data_type::FLOAT,
        &[],
        0.02_f32.to_le_bytes().into(),
    );
    net.tensor("zero", data_type::UINT8, &[], vec![3]);
    net.node("GlobalAveragePool", &["relu"], "pool", &[]);
    net.node("Flatten", &["pool"], "flat", &[("axis", 1)]);
    net.node("QuantizeLinear", &["flat", "scale", "zero"], "q", &[]);
    net.node("DequantizeLinear", &["q", "scale", "zero"], "dq", &[]);
    let weights = (0..CLASSES * CHANNELS).map(|n| (n * 13 % 251) as u8);
    let dims = [CHANNELS.into(), CLASSES.into()];
    net.tensor("w", data_type::UINT8, &dims, weights.collect());
    net.node("DequantizeLinear", &["w", "scale", "zero"], "dw", &[]);
    net.node("MatMul", &["dq", "dw"], "y", &[]);
    let file = net.output("y", &[None, Some(CLASSES.into())]).file();
    let mut spec = ModelSpec::new("m", "");
    spec.source = ModelSource::Bytes(file.into());
    let picture = pictures(2, SIZE, 5);
    let mut seen: Option<Tensor> = None;
    for backend in backends() {
        let model = load(&backend, &spec, &[]).unwrap();
        let output = model
            .run(&[("input", &picture)], &CallOptions::default())
            .unwrap()
            .remove(0);
        match &seen {
            None => seen = Some(output),
            // A value that lies between two steps may become either.
            Some(seen) => assert!(difference(seen, &output) < 0.02, "{}", backend.name()),
        }
    }
}

/// Pictures that run together give what each gives alone, in their order.
#[test]
fn batches_when_asked_for() {
    for backend in backends() {
        let spec = ModelSpec::new("tiny", "seeded:tiny").batch_size(16);
        let model = load(&backend, &spec, &["features"]).unwrap();
        assert_eq!(model.batch_size(), 16);
        let singles: Vec<Tensor> = (0..16).map(|seed| pictures(1, 224, seed)).collect();
        let joined: Vec<f32> = singles.iter().flat_map(values).collect();
        let joined = Tensor::from_values(vec![16, 3, 224, 224], &joined).unwrap();
        let together = model
            .run(&[("input", &joined)], &CallOptions::default())
            .unwrap()
            .remove(0);
        assert_eq!(together.dims(), [16, 16]);
        for (n, together) in values(&together).chunks(16).enumerate() {
            let alone = model
                .run(&[("input", &singles[n])], &CallOptions::default())
                .unwrap()
                .remove(0);
            let together = Tensor::from_values(vec![1, 16], together).unwrap();
            let difference = difference(&together, &alone);
            assert!(difference < 1e-5, "{}, {n}: {difference}", backend.name());
        }
    }
}

#[test]
fn inputs_that_do_not_fit() {
    for backend in backends() {
        let model = load(&backend, &ModelSpec::new("tiny", "seeded:tiny"), &[]).unwrap();
        // The runtime has checked inputs; a backend must survive them anyhow.
        for (name, tensor) in [
            ("input", pictures(1, 223, 0)),
            (
                "input",
                Tensor::from_values(vec![1, 3], &[1_i32, 2, 3]).unwrap(),
            ),
            ("input", pictures(0, 224, 0)),
            ("output", pictures(1, 224, 0)),
        ] {
            let result = model.run(&[(name, &tensor)], &CallOptions::default());
            assert!(
                result.is_err() || tensor.dims()[0] == 0,
                "{name} {:?}",
                tensor.dims()
            );
        }
        assert!(model.run(&[], &CallOptions::default()).is_err());
    }
}

#[test]
fn the_defaults() {
    let backends = crate::defaults(crate::Libraries::default(), Default::default());
    let names: Vec<_> = backends.iter().map(|backend| backend.name()).collect();
    #[cfg(all(feature = "rten", feature = "onnxruntime", feature = "openvino"))]
    assert_eq!(names, ["rten", "onnxruntime", "openvino"]);
    assert!(!names.is_empty());
}
