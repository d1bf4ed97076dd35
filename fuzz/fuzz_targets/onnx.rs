#![no_main]
// What backends call, and no target.
#![allow(dead_code, unused_imports)]

#[path = "../../host/backends/src/onnx/mod.rs"]
mod onnx;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    onnx::fuzz::onnx(input);
});
