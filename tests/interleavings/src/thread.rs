//! `std::thread`, of shuttle.

pub use shuttle::thread::*;
