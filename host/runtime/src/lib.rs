//! wudf
