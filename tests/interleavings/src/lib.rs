//! What threads of the runtime share, under a scheduler that tries their interleavings.
//!
//! Here the runtime's own files are compiled, unchanged, in a crate that they see as `std`, whose
//! locks and threads are [`shuttle`]'s. So each test runs its threads one at a time and changes
//! between them wherever they meet, at random and so that a failure can be run again.
//!
//! The scheduler of a batch (`schedule.rs`) is not here: it holds on to instances of plugins, which
//! is the whole sandbox. `tests/runtime/crowd.rs` runs it with many threads.

// The tests that these files have run in the runtime, with threads.
#![cfg(not(test))]
// What the rest of the runtime calls.
#![allow(dead_code)]

// The name `std` in this crate's files is this crate.
extern crate self as std;
extern crate std as real_std;

pub use real_std::*;

pub mod sync;
pub mod thread;

#[path = "../../../host/runtime/src/cancel.rs"]
mod cancel;
#[path = "../../../host/runtime/src/error.rs"]
mod failure;

/// Those of the runtime's modules of models that know no sandbox.
#[path = "../../../host/runtime/src/nn"]
pub mod nn {
    mod backend;
    pub(crate) mod batcher;
    mod error;
    mod tensor;

    pub use backend::{Backend, Device, LoadRequest, Model, ModelSource, ModelSpec, Precision};
    pub use error::{Error, ErrorKind};
    pub use tensor::{Element, Tensor, TensorSpec, TensorType};
}

#[path = "../../../host/runtime/src/failure_budget.rs"]
mod failure_budget;
#[path = "../../../host/runtime/src/pool.rs"]
mod pool;

/// `std::error`, and what is called so in the runtime.
pub mod error {
    pub(crate) use crate::failure::printable;
    pub use real_std::error::*;
}

/// Nothing here runs below rayon.
mod threads {
    pub(crate) fn off_rayon<T>(work: impl FnOnce() -> T) -> T {
        work()
    }
}

pub use cancel::{CallOptions, CancellationToken};
pub use failure::{Error, ErrorKind, Result};
pub use failure_budget::FailureBudget;

pub mod scenes;
