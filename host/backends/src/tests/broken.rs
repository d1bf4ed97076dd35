//! Files that are no models.

use std::sync::Arc;

use wudf::CallOptions;
use wudf::nn::{ErrorKind, ModelSource, ModelSpec};

use super::graphs::Net;
use super::{backends, load, pictures};
use crate::seeded;

fn spec(file: &[u8]) -> ModelSpec {
    let mut spec = ModelSpec::new("broken", "");
    spec.source = ModelSource::Bytes(Arc::from(file));
    spec
}

/// Numbers that look random and are the same in each run.
fn random(seed: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(seed), |x| {
        Some(x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
    })
    .map(|x| x >> 8)
}

#[test]
fn not_a_model() {
    let noise: Vec<u8> = random(1).map(|x| x as u8).take(4096).collect();
    let text = b"<!DOCTYPE html><title>Not Found</title>".as_slice();
    for file in [
        b"".as_slice(),
        b"\0",
        text,
        &noise,
        b"ORTM",
        b"RTEN\0\0\0\0",
        &[0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f],
    ] {
        for backend in backends() {
            let e = load(&backend, &spec(file), &[]).err().unwrap();
            assert_eq!(e.kind(), ErrorKind::InvalidEncoding, "{e}");
        }
    }
}

#[test]
fn cut_short() {
    let file = seeded::tiny(0);
    // What comes last, remarks for people, is not missed.
    let needed = file.len() - 64;
    for backend in backends() {
        for length in (1..needed).step_by(61) {
            let e = load(&backend, &spec(&file[..length]), &[]).err().unwrap();
            assert_eq!(e.kind(), ErrorKind::InvalidEncoding, "{length}: {e}");
        }
    }
}

/// Whatever stands in a file, there is an answer or an error.
#[test]
fn changed_bytes() {
    let picture = pictures(1, super::graphs::SIZE, 0);
    for (net, file) in [
        ("dynamo", Net::dynamo().file()),
        ("torchscript", Net::torchscript().file()),
    ] {
        for backend in backends() {
            for n in 0..200 {
                let mut file = file.clone();
                for at in random(n).skip(2).take(1 + n as usize % 3) {
                    let at = at as usize % file.len();
                    file[at] = file[at].wrapping_add(1 + (n % 255) as u8);
                }
                if let Ok(model) = load(&backend, &spec(&file), &["features"]) {
                    let names: Vec<String> = model
                        .inputs()
                        .iter()
                        .map(|input| input.name.clone())
                        .collect();
                    let inputs: Vec<_> =
                        names.iter().map(|name| (name.as_str(), &picture)).collect();
                    let _ = (net, model.run(&inputs, &CallOptions::default()));
                }
            }
        }
    }
}

#[test]
fn an_output_that_nothing_makes() {
    let file = Net::new("input").output("nothing", &[None]).file();
    for backend in backends() {
        let e = load(&backend, &spec(&file), &[]).err().unwrap();
        assert_eq!(e.kind(), ErrorKind::InvalidEncoding);
        assert!(e.to_string().contains("`nothing`"), "{e}");
    }
}

#[test]
fn an_operator_that_does_not_exist() {
    let mut net = Net::new("input");
    net.node("Frobnicate", &["relu"], "y", &[]);
    let file = net.output("y", &[None]).file();
    for backend in backends() {
        let e = load(&backend, &spec(&file), &[]).err().unwrap();
        assert!(e.to_string().contains("Frobnicate"), "{e}");
    }
}
