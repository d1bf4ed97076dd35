#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    wudf_registry::fuzz::metadata(input);
});
