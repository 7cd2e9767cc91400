#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edas_fuzz::descriptor::run(data));
