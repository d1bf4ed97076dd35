//! wudf-benches
