//! What starting costs: compiling a plugin, loading it from the cache, a new instance, and a model.

use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use serde_json::Value;
use wudf::nn::{Backend as _, LoadRequest};
use wudf::{Cache, Plugin, Runtime};
use wudf_artifacts::IMAGE_FEATURES;
use wudf_artifacts::fixtures::KIT;
use wudf_backends::source::Sources;
use wudf_backends::{OnnxRuntime, OpenVino, Rten, catalogue, onnxruntime, openvino};

fn load(runtime: &Runtime) -> Plugin {
    Plugin::from_bytes(runtime, IMAGE_FEATURES.name, IMAGE_FEATURES.bytes).expect("it loads")
}

fn runtime(cache: Cache) -> Runtime {
    wudf_benches::one_thread()
        .cache(cache)
        .build()
        .expect("a runtime")
}

fn plugins(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("start");
    group.sample_size(10);

    group.bench_function("a runtime", |b| b.iter(|| runtime(Cache::Off)));
    let cold = runtime(Cache::Off);
    group.bench_function("compile image-features", |b| b.iter(|| load(&cold)));

    let folder = tempfile::tempdir().expect("a folder");
    load(&runtime(Cache::Folder(folder.path().into())));
    group.bench_function("image-features from the cache", |b| {
        // A process has one runtime; a new one knows nothing but the folder.
        let fresh = || runtime(Cache::Folder(folder.path().into()));
        b.iter_batched(
            fresh,
            |runtime| (load(&runtime), runtime),
            BatchSize::PerIteration,
        );
    });
    group.finish();

    let mut group = criterion.benchmark_group("new instance");
    let plugin = load(&cold);
    group.bench_function("image-features, image_tensor opened", |b| {
        b.iter(|| plugin.open("image_tensor", &Value::Null).expect("it opens"));
    });
    let kit = Plugin::from_bytes(&cold, KIT.name, KIT.bytes).expect("the kit loads");
    group.bench_function("kit, a function opened", |b| {
        b.iter(|| kit.open("answer", &Value::Null).expect("it opens"));
    });
    group.bench_function("kit, a function opened and one row computed", |b| {
        b.iter(|| {
            let function = kit.open("answer", &Value::Null).expect("it opens");
            function.evaluate_rows(1).expect("it computes")
        });
    });
    group.finish();
}

fn models(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load seeded:resnet50");
    group.sample_size(10);
    let sources = Arc::new(Sources::default());
    let spec = catalogue::parse("resnet50=seeded:resnet50").expect("an entry");
    let outputs = ["features".to_owned()];
    let request = LoadRequest::new(&spec, &outputs);
    let rten = Rten::new(Arc::clone(&sources));
    group.bench_function("rten", |b| {
        b.iter(|| rten.load(&request).expect("it loads"))
    });
    match OnnxRuntime::find(&onnxruntime::Options::default(), Arc::clone(&sources)) {
        Ok(found) => {
            group.bench_function("onnxruntime", |b| {
                b.iter(|| found.load(&request).expect("it loads"))
            });
        }
        Err(error) => eprintln!("note: not measured: {error}"),
    }
    match OpenVino::find(&openvino::Options::default(), sources) {
        Ok(found) => {
            group.bench_function("openvino", |b| {
                b.iter(|| found.load(&request).expect("it loads"))
            });
        }
        Err(error) => eprintln!("note: not measured: {error}"),
    }
    group.finish();
}

criterion_group!(benches, plugins, models);
criterion_main!(benches);
