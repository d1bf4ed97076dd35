//! The Python module wudf.
