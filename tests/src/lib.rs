//! wudf-tests
