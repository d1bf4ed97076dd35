//! wudf-guest-macros
