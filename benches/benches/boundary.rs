//! What crossing the sandbox's wall costs: one thread, default limits, the clock running.
//!
//! With glibc, set `MALLOC_MMAP_THRESHOLD_` and `MALLOC_TRIM_THRESHOLD_` as the README says, or the blobs measure the kernel's page
//! faults.

use std::hint::black_box;
use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Int64Array, StringArray};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::Value;
use wudf::{Function, Plugin};
use wudf_fixtures::KIT;

const ROWS: i64 = 8_192;

fn boundary(criterion: &mut Criterion) {
    let session = wudf_benches::one_thread().build().expect("a session");
    let plugin = Plugin::from_bytes(&session, KIT.name, KIT.bytes).expect("the kit loads");
    let open = |name: &str| plugin.open(name, &Value::Null).expect("the kit has it");
    let mut bench = |name: &str, function: &Function, arguments: &[ArrayRef]| {
        let rows = arguments[0].len();
        // Until what a row costs is known, batches are cut.
        for _ in 0..64 {
            function.call(arguments).expect("it computes");
        }
        let mut group = criterion.benchmark_group("boundary");
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(name, |b| {
            b.iter(|| function.call(black_box(arguments)).expect("it computes"))
        });
        group.finish();
    };

    let numbers = |rows: i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(0..rows)) };
    let nothing = open("nothing");
    bench("empty call, no rows", &nothing, &[numbers(0)]);
    bench("empty call, one row", &nothing, &[numbers(1)]);
    bench("x + 1, 8192 i64", &open("add_one"), &[numbers(ROWS)]);

    let blob = vec![7_u8; 150_000];
    let blobs: ArrayRef = Arc::new(BinaryArray::from_iter_values((0..64).map(|_| &blob)));
    bench("length of 64 blobs of 150 kB", &open("blob_len"), &[blobs]);

    let strings: ArrayRef = Arc::new(StringArray::from_iter_values(
        (0..ROWS).map(|i| format!("the string number {i}")),
    ));
    let constant =
        |n: i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values((0..ROWS).map(|_| n))) };
    bench(
        "substr, 8192 strings",
        &open("substr"),
        &[strings, constant(4), constant(12)],
    );
}

criterion_group!(benches, boundary);
criterion_main!(benches);
