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

/// Not a time: what instances take that are open and that nobody calls.
fn idle(_: &mut Criterion) {
    /// As many as one sandbox has room for.
    const INSTANCES: usize = 1_000;
    let runtime = runtime(Cache::Off);
    for (artifact, function) in [(KIT, "answer"), (IMAGE_FEATURES, "image_tensor")] {
        let plugin = Plugin::from_bytes(&runtime, artifact.name, artifact.bytes);
        let plugin = plugin.expect("it loads");
        let before = resident();
        let open = |_| plugin.open(function, &Value::Null).expect("it opens");
        let functions: Vec<_> = (0..INSTANCES).map(open).collect();
        if let (Some(before), Some(after)) = (before, resident()) {
            println!(
                "{} idle instances of {}: {:.1} MB",
                functions.len(),
                artifact.name,
                after.saturating_sub(before) as f64 / 1e6
            );
        }
    }
}

/// Bytes of this process that are in memory; only Linux says.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
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

criterion_group!(benches, plugins, idle, models);
criterion_main!(benches);
