//! wudf-cli
