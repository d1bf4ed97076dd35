#![no_main]
#![allow(dead_code)]

#[path = "../../host/cli/src/input/text/kind.rs"]
mod kind;
#[path = "../../host/cli/src/input/text/shape.rs"]
mod shape;
#[path = "../../host/cli/src/input/text/fuzz.rs"]
mod text;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    text::shape(input);
});
