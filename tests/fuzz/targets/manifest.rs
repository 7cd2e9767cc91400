//! Manifests of checkpoints. After `w` comes a whole text; anything else is the body, which is sealed with its checksum first: bytes
//! that a fuzzer makes up would never have the right one.
//!
//! Holds: what is read is written and read back equal; a body that was changed after it was sealed is refused.

use super::check;
use edas::run::checkpoint::Manifest;
use edas::run::checkpoint::manifest::sha256;
use std::path::Path;

const FILE: &str = "/nowhere/fuzzed/000000001.json";

/// One input.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let sealed = match text.strip_prefix('w') {
        Some(whole) => whole.to_owned(),
        None => seal(text),
    };
    let Some(manifest) = check::sound(Manifest::parse(&sealed, Path::new(FILE))) else { return };
    let written = manifest.to_text().expect("what was read can be written");
    assert_eq!(Manifest::parse(&written, Path::new(FILE)).as_ref(), Ok(&manifest), "{written}");
    let other = written.replacen("\"pending\":true", "\"pending\":1234", 1).replacen(
        "\"pending\":false",
        "\"pending\":true",
        1,
    );
    if other != written {
        assert!(Manifest::parse(&other, Path::new(FILE)).is_err(), "{other}");
    }
}

fn seal(body: &str) -> String {
    // Blanks around a value are no part of it.
    let hash = sha256(body.trim_matches([' ', '\t', '\r', '\n']).as_bytes());
    format!("{{\"sha256\":\"{hash}\",\"manifest\":{body}}}")
}
