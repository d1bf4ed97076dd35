//! Plugins that break the contract in every way: each is told so in the right
//! words, within its limits, and costs nobody else anything.

mod calls;
mod signatures;
