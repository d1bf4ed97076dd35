//! wudf behind a C interface.
