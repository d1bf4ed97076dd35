//! What a plugin finds of the world: nothing.
//!
//! A component built from Rust imports WASI for its standard library, so the
//! interfaces are there, but behind them are no files, no environment, no
//! network and no terminal; clocks stand still and randomness is a fixed
//! sequence, so that the same rows always give the same values. What a plugin
//! prints is logged, and its last lines are kept: they hold the panic message
//! when it crashes.

pub(crate) mod denied;
mod io;
mod sockets;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rand::TryRng;
use tokio::io::AsyncWrite;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{
    DynPollable, OutputStream, Pollable, StreamError, StreamResult, subscribe,
};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx};

use crate::instance::State;

/// Bytes kept of what a plugin prints.
const TAIL: usize = 4_096;

/// A context that grants nothing; what the plugin prints ends up in `printed`.
pub(crate) fn context(printed: &Printed) -> WasiCtx {
    WasiCtx::builder()
        .stdout(printed.clone())
        .stderr(printed.clone())
        .wall_clock(StoppedClock)
        .monotonic_clock(StoppedClock)
        .secure_random(FixedRandom(0x7775_6466))
        .insecure_random(FixedRandom(0x7775_6466))
        .insecure_random_seed(0x7775_6466)
        .max_random_size(1 << 20)
        .build()
}

/// Adds WASI 0.2 to a linker, with nothing that anybody can wait for, and no sockets.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    // The crate's own clock would let a plugin sleep in the host, where no
    // epoch ends it.
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<State, NoWaiting>(linker, |state| Timers(&mut state.table))?;
    io::add_to_linker(linker)?;
    sockets::add_to_linker(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

struct StoppedClock;

impl HostWallClock for StoppedClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }
    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for StoppedClock {
    fn resolution(&self) -> u64 {
        1
    }
    fn now(&self) -> u64 {
        0
    }
}

struct NoWaiting;

impl HasData for NoWaiting {
    type Data<'a> = Timers<'a>;
}

/// The monotonic clock's interface over a table of pollables.
struct Timers<'a>(&'a mut ResourceTable);

impl monotonic_clock::Host for Timers<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(0)
    }
    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }
    fn subscribe_instant(&mut self, _: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let timer = self.0.push(Rung)?;
        subscribe(self.0, timer)
    }
    fn subscribe_duration(&mut self, _: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.subscribe_instant(0)
    }
}

/// Splitmix64, <https://prng.di.unimi.it/splitmix64.c>: a fixed sequence, which
/// is all that is asked of it.
struct FixedRandom(u64);

impl FixedRandom {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl TryRng for FixedRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "half of the bits are wanted"
        )]
        Ok(self.next() as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(8) {
            let bytes = self.next().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}

/// A timer that has always just rung: time stands still, so every wait is over.
struct Rung;

#[async_trait::async_trait]
impl Pollable for Rung {
    async fn ready(&mut self) {}
}

/// What a plugin printed last.
#[derive(Clone, Default)]
pub(crate) struct Printed(Arc<Mutex<VecDeque<u8>>>);

impl Printed {
    /// Takes what was printed.
    pub(crate) fn take(&self) -> String {
        let mut tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = tail.drain(..).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn push(&self, bytes: &[u8]) {
        if tracing::enabled!(tracing::Level::DEBUG) {
            let text = String::from_utf8_lossy(bytes);
            tracing::debug!(target: "wudf::plugin", "{}", crate::error::printable(text.trim_end(), TAIL));
        }
        let mut tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = &bytes[bytes.len().saturating_sub(TAIL)..];
        let excess = (tail.len() + bytes.len()).saturating_sub(TAIL);
        tail.drain(..excess);
        tail.extend(bytes);
    }
}

impl IsTerminal for Printed {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Printed {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Pollable for Printed {
    async fn ready(&mut self) {}
}

impl OutputStream for Printed {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }
    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }
    fn check_write(&mut self) -> Result<usize, StreamError> {
        Ok(64 << 10)
    }
}
