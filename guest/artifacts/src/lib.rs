//! wudf-artifacts
