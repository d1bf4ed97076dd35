//! Runs a test program that was compiled for `wasm32-wasip2`, for the few tests
//! that must run as the plugins do: those of vector instructions. For cargo's
//! `CARGO_TARGET_WASM32_WASIP2_RUNNER`.

use std::process::ExitCode;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceTable, ResourceType};
use wasmtime::{Engine, Result, Store};
use wasmtime_wasi::p2::bindings::sync::Command;
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxView, WasiView};

struct State(WasiCtx, ResourceTable);

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.0,
            table: &mut self.1,
        }
    }
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(I32Exit(0)) => ExitCode::SUCCESS,
            Some(I32Exit(_)) => ExitCode::FAILURE,
            None => {
                eprintln!("{error:?}");
                ExitCode::FAILURE
            }
        },
    }
}

fn run(args: Vec<String>) -> Result<bool> {
    let [program, ..] = args.as_slice() else {
        return Err(wasmtime::Error::msg(
            "usage: wasi-runner PROGRAM.wasm [ARG]...",
        ));
    };
    let engine = Engine::default();
    let component = Component::from_file(&engine, program)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    stand_in(&mut linker, &component)?;
    let wasi = WasiCtx::builder().inherit_stdio().args(&args).build();
    let mut store = Store::new(&engine, State(wasi, ResourceTable::new()));
    let command = Command::instantiate(&mut store, &component, &linker)?;
    Ok(command.wasi_cli_run().call_run(&mut store)?.is_ok())
}

/// Gives the contract's imports, which the SDK brings along and these tests
/// never call.
fn stand_in(linker: &mut Linker<State>, component: &Component) -> Result<()> {
    let engine = linker.engine().clone();
    for (name, item) in component.component_type().imports(&engine) {
        let ComponentItem::ComponentInstance(interface) = &item.ty else {
            continue;
        };
        if !name.starts_with("wasi:nn/") && !name.starts_with("wudf:") {
            continue;
        }
        let mut instance = linker.instance(name)?;
        for (export, item) in interface.exports(&engine) {
            match item.ty {
                ComponentItem::ComponentFunc(_) => instance.func_new(export, |_, _, _, _| {
                    Err(wasmtime::Error::msg("not in this test"))
                })?,
                ComponentItem::Resource(_) => {
                    instance.resource(export, ResourceType::host::<()>(), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}
