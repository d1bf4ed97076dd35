//! Plugins' functions in DataFusion, and CREATE FUNCTION ... LANGUAGE wasm.
