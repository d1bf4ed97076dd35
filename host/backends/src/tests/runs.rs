//! Runs of the seeded networks.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use wudf::nn::{Device, ErrorKind, ModelSpec, Precision, Tensor};

use super::{backends, difference, load, pictures};

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
        let outputs = model.run(&[("input", &picture)], None).unwrap();
        assert_eq!(outputs[0].dims(), [1, 2048]);
        assert_eq!(outputs[1].dims(), [1, 1000]);
        assert_eq!(outputs[2].dims(), [1, 256, 56, 56]);
        let others = model.run(&[("input", &other)], None).unwrap();
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
            .run(&[("input", &picture)], None)
            .unwrap();
        assert_eq!(together.len(), names.len());
        for (name, together) in names.iter().zip(&together) {
            let alone = load(&backend, &spec, &[name])
                .unwrap()
                .run(&[("input", &picture)], None)
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
        let run = |picture: &Tensor, deadline| model.run(&[("input", picture)], deadline).unwrap();
        let wanted: Vec<_> = pictures.iter().map(|picture| run(picture, None)).collect();
        let (pictures, wanted, run) = (&pictures, &wanted, &run);
        thread::scope(|scope| {
            for t in 0..8 {
                scope.spawn(move || {
                    for n in 0..40 {
                        let deadline =
                            (n % 2 == 0).then(|| Instant::now() + Duration::from_secs(60));
                        let n = (t + n) % 8;
                        assert_eq!(run(&pictures[n], deadline), wanted[n]);
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
            .run(&[("input", &pictures(1, 224, 0))], Some(Instant::now()))
            .unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Timeout);
    }
}

#[test]
#[cfg(feature = "onnxruntime")]
fn a_deadline_ends_a_run() {
    let Some(backend) = super::onnxruntime() else {
        return;
    };
    let backend = backend as Arc<dyn wudf::nn::Backend>;
    let model = load(
        &backend,
        &ModelSpec::new("resnet50", "seeded:resnet50"),
        &["features"],
    )
    .unwrap();
    // Sixteen pictures take long on any machine.
    let many = pictures(16, 224, 0);
    let start = Instant::now();
    let e = model
        .run(&[("input", &many)], Some(start + Duration::from_millis(5)))
        .unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Timeout, "{e}");
    let stopped = start.elapsed();
    // The model is none the worse for it.
    let start = Instant::now();
    model
        .run(&[("input", &many)], Some(start + Duration::from_secs(600)))
        .unwrap();
    assert!(stopped < start.elapsed());
}

#[test]
fn what_is_not_supported() {
    let spec = || ModelSpec::new("tiny", "seeded:tiny");
    for backend in backends() {
        for precision in [Precision::Bf16, Precision::F16] {
            let e = load(&backend, &spec().precision(precision), &[])
                .err()
                .unwrap();
            assert_eq!(e.kind(), ErrorKind::Unsupported, "{e}");
        }
        load(&backend, &spec().precision(Precision::F32), &[]).unwrap();
        // No machine has a hundred.
        let e = load(&backend, &spec().device(Device::Gpu(100)), &[])
            .err()
            .unwrap();
        assert_eq!(e.kind(), ErrorKind::Unsupported, "{e}");
    }
}

#[test]
fn batches_when_asked_for() {
    for backend in backends() {
        let spec = ModelSpec::new("tiny", "seeded:tiny").batch_size(16);
        assert_eq!(load(&backend, &spec, &[]).unwrap().batch_size(), 16);
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
            let result = model.run(&[(name, &tensor)], None);
            assert!(
                result.is_err() || tensor.dims()[0] == 0,
                "{name} {:?}",
                tensor.dims()
            );
        }
        assert!(model.run(&[], None).is_err());
    }
}

#[test]
fn the_defaults() {
    let backends = crate::defaults(crate::Libraries::default(), Arc::default());
    let names: Vec<_> = backends.iter().map(|backend| backend.name()).collect();
    #[cfg(all(feature = "rten", feature = "onnxruntime", feature = "openvino"))]
    assert_eq!(names, ["rten", "onnxruntime", "openvino"]);
    assert!(!names.is_empty());
}
