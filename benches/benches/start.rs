//! What starting costs: compiling a plugin, loading it from the cache, a new instance, and a model.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group};
use serde_json::{Value, json};
use wudf::nn::{Backend as _, LoadRequest};
use wudf::{Cache, Plugin, Runtime, Session};
use wudf_artifacts::{Artifact, IMAGE_FEATURES};
use wudf_backends::source::Sources;
use wudf_backends::{OnnxRuntime, OpenVino, Rten, catalogue, onnxruntime, openvino};
use wudf_benches::record;
use wudf_fixtures::{KIT, SLUG};

/// What is opened: a plugin as `wudf new` writes it, the large one of the tests (which imports the whole of WASI), and the one
/// that ships.
const OPENED: [(Artifact, &str); 3] = [
    (SLUG, "slug"),
    (KIT, "answer"),
    (IMAGE_FEATURES, "image_tensor"),
];

fn load(session: &Session, artifact: Artifact) -> Plugin {
    Plugin::from_bytes(session, artifact.name, artifact.bytes).expect("it loads")
}

fn session(cache: Cache) -> Session {
    let runtime = Runtime::builder().cache(cache).build().expect("a runtime");
    let session = runtime.session().threads(1);
    session.build().expect("a session")
}

fn plugins(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("start");
    group.sample_size(10);

    group.bench_function("a runtime", |b| b.iter(|| session(Cache::Off)));
    let cold = session(Cache::Off);
    group.bench_function("compile image-features", |b| {
        b.iter(|| load(&cold, IMAGE_FEATURES))
    });

    let folder = tempfile::tempdir().expect("a folder");
    load(
        &session(Cache::Folder(folder.path().into())),
        IMAGE_FEATURES,
    );
    group.bench_function("image-features from the cache", |b| {
        // A process has one runtime; a new one knows nothing but the folder.
        let fresh = || session(Cache::Folder(folder.path().into()));
        b.iter_batched(
            fresh,
            |session| (load(&session, IMAGE_FEATURES), session),
            BatchSize::PerIteration,
        );
    });
    group.finish();

    let mut group = criterion.benchmark_group("new instance");
    for (artifact, function) in OPENED {
        let plugin = load(&cold, artifact);
        group.bench_function(format!("{}, {function} opened", artifact.name), |b| {
            b.iter(|| plugin.open(function, &Value::Null).expect("it opens"));
        });
    }
    let kit = load(&cold, KIT);
    group.bench_function("kit, a function opened and one row computed", |b| {
        b.iter(|| {
            let function = kit.open("answer", &Value::Null).expect("it opens");
            function.evaluate_rows(1).expect("it computes")
        });
    });
    group.finish();
}

/// As many as one sandbox has room for.
const INSTANCES: usize = 1_000;
/// Names the plugin that a process of its own is to hold instances of.
const HOLD: &str = "WUDF_BENCH_HOLD";

/// Not a time: the memory of instances that are open and were never called. Each plugin gets a process that finds it in the cache:
/// compiling leaves memory behind that would hide some of theirs.
fn idle(_: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let compiles = session(Cache::Folder(folder.path().into()));
    for (artifact, _) in OPENED {
        load(&compiles, artifact);
        let mut holds = Command::new(std::env::current_exe().expect("a name"));
        holds.env(HOLD, artifact.name).arg(folder.path());
        assert!(holds.status().expect("it starts").success());
    }
}

fn hold(name: &str) {
    let folder = std::env::args_os().nth(1).expect("a folder");
    let session = session(Cache::Folder(folder.into()));
    let mut opened = OPENED.into_iter();
    let (artifact, function) = opened.find(|(a, _)| a.name == name).expect("a plugin");
    let plugin = load(&session, artifact);
    let open = |_| plugin.open(function, &Value::Null).expect("it opens");
    let before = memory();
    let functions: Vec<_> = (0..INSTANCES).map(open).collect();
    if let (Some(before), Some(after)) = (before, memory()) {
        let megabytes =
            |of: fn(&Memory) -> u64| of(&after).saturating_sub(of(&before)) as f64 / 1e6;
        let (pages, tables) = (megabytes(|m| m.pages), megabytes(|m| m.tables));
        println!(
            "{} idle instances of {name}, never called: {pages:.1} MB, and {tables:.1} MB of page tables",
            functions.len(),
        );
        let figure = json!({ "unit": "MB", "value": pages + tables });
        record("start", &format!("1,000 idle instances, {name}"), figure).expect("it is written");
    }
}

/// What this process takes, in bytes.
struct Memory {
    /// What is in memory. Pages that instances share, constants mostly, count once.
    pages: u64,
    tables: u64,
}

/// Only Linux says.
fn memory() -> Option<Memory> {
    let find = |file: &str, key: &str| {
        let text = std::fs::read_to_string(Path::new("/proc/self").join(file)).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib << 10)
    };
    Some(Memory {
        pages: find("smaps_rollup", "Pss:")?,
        tables: find("status", "VmPTE:")?,
    })
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

fn main() {
    match std::env::var(HOLD) {
        Ok(name) => hold(&name),
        Err(_) => {
            benches();
            Criterion::default().configure_from_args().final_summary();
        }
    }
}
