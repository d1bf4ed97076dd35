//! The passes. [`scalar`] says what is computed, `simd128` computes the same with WebAssembly's vectors.

pub mod scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub mod simd128;
