//! wudf-guest
