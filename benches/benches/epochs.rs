//! What it costs that a plugin can be stopped: the same plugins, called in the same way, compiled with and without the check at
//! each back-edge of a loop that ends those which take too long.
//!
//! wudf itself cannot leave the checks out, so this goes to wasmtime directly. Both sides run in turn, and each round gives a ratio.
//!
//! ```text
//! epochs [--rounds N] [--photos FOLDER]
//! ```

use std::hint::black_box;
use std::path::PathBuf;

use wasmtime::component::{Component, Linker, ResourceAny, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wudf_artifacts::{Artifact, IMAGE_FEATURES};
use wudf_benches::{Comparison, Failure, number, photos};
use wudf_fixtures::KIT;

mod contract {
    #![allow(
        missing_docs,
        unused_qualifications,
        clippy::all,
        clippy::undocumented_unsafe_blocks
    )]
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "wudf:plugin/scalar-plugin",
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}
use contract::wudf::plugin::arrow::NodeParam;

/// Calls of one round of `x + 1`.
const CALLS: usize = 500;

fn main() -> Result<(), Failure> {
    let (mut rounds, mut folder) = (40, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // From `cargo bench`.
            "--bench" => {}
            "--rounds" => rounds = number(&argument, arguments.next())?,
            "--photos" => {
                let value = arguments.next().ok_or("--photos wants a folder")?;
                folder = Some(PathBuf::from(value));
            }
            _ => return Err(format!("what is {argument}?").into()),
        }
    }

    let numbers: Vec<u8> = (0..8_192_i64).flat_map(i64::to_le_bytes).collect();
    let column = Column {
        rows: 8_192,
        buffers: vec![Vec::new(), numbers],
    };
    compare(&KIT, "add_one", &column, CALLS, rounds)?;

    let files = photos(folder.as_deref())?;
    let mut offsets = vec![0_u32];
    let mut bytes = Vec::new();
    for file in &files {
        bytes.extend_from_slice(file);
        offsets.push(u32::try_from(bytes.len())?);
    }
    let column = Column {
        rows: u32::try_from(files.len())?,
        buffers: vec![
            Vec::new(),
            offsets.into_iter().flat_map(u32::to_le_bytes).collect(),
            bytes,
        ],
    };
    compare(&IMAGE_FEATURES, "image_tensor", &column, 1, rounds)
}

/// One argument.
struct Column {
    rows: u32,
    buffers: Vec<Vec<u8>>,
}

fn compare(
    artifact: &Artifact,
    function: &str,
    column: &Column,
    calls: usize,
    rounds: usize,
) -> Result<(), Failure> {
    let mut checked = Opened::new(artifact, function, true)?;
    let mut unchecked = Opened::new(artifact, function, false)?;
    let comparison = Comparison::run(
        rounds,
        || checked.calls(column, calls),
        || unchecked.calls(column, calls),
    )?;
    println!("{} of {}, {} rows", function, artifact.name, column.rows);
    comparison.report(
        ("epochs", function),
        (calls, "calls"),
        "with checks",
        "without",
    )
}

struct Opened {
    store: Store<State>,
    plugin: contract::ScalarPlugin,
    function: ResourceAny,
}

impl Opened {
    fn new(artifact: &Artifact, function: &str, checks: bool) -> Result<Self, Failure> {
        let mut config = Config::new();
        config
            .epoch_interruption(checks)
            .concurrency_support(false)
            .wasm_relaxed_simd(false);
        let engine = Engine::new(&config)?;
        let component = Component::new(&engine, artifact.bytes)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        linker.define_unknown_imports_as_traps(&component)?;
        let mut store = Store::new(&engine, State::default());
        // Nothing ticks, so that no deadline passes.
        store.set_epoch_deadline(1);
        let plugin = contract::ScalarPlugin::instantiate(&mut store, &component, &linker)?;
        let functions = plugin.wudf_plugin_scalar().function();
        let function = functions
            .call_open(&mut store, function, "{}", &[])?
            .map_err(|error| error.message)?;
        Ok(Self {
            store,
            plugin,
            function,
        })
    }

    fn calls(&mut self, column: &Column, calls: usize) -> Result<(), Failure> {
        let buffers: Vec<&[u8]> = column.buffers.iter().map(Vec::as_slice).collect();
        let nodes = [NodeParam {
            length: u64::from(column.rows),
            null_count: 0,
            buffers: &buffers,
        }];
        let functions = self.plugin.wudf_plugin_scalar().function();
        for _ in 0..calls {
            let output = functions
                .call_call(&mut self.store, self.function, column.rows, &[&nodes])?
                .map_err(|error| error.message)?;
            if !black_box(output).failures.is_empty() {
                return Err("a row failed".into());
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}
