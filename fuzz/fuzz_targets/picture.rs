#![no_main]

#[path = "../../guest/plugins/image-features/tests/pictures/fuzz.rs"]
mod pictures;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    pictures::picture(input);
});
