//! Functions as their authors write and test them, called natively.

mod arguments;
mod batch;
mod errors;
mod testing;
