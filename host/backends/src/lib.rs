//! wudf-backends
