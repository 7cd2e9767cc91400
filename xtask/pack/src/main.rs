//! `edas-pack`: packs and unpacks archives for `cargo x dist`.
//!
//! A program of its own, so that nobody who does not make one waits for its crates.
//!
//! ```text
//! edas-pack pack ARCHIVE TOP     what standard input lists, below the folder TOP: path\0source\0path\0source\0…
//! edas-pack unpack ARCHIVE FOLDER
//! ```

mod archive;

use archive::{Files, pack, unpack};
use std::error::Error;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["pack", archive, top] => {
            let mut list = String::new();
            std::io::stdin().read_to_string(&mut list)?;
            pack(&read(&list)?, top, Path::new(archive))
        }
        ["unpack", archive, folder] => unpack(Path::new(archive), Path::new(folder)),
        _ => Err("wrong arguments\n  expected: pack ARCHIVE TOP, or unpack ARCHIVE FOLDER".into()),
    }
}

/// Reads a list of files.
fn read(list: &str) -> Result<Files, String> {
    let words: Vec<&str> = list.split_terminator('\0').collect();
    match words.len().is_multiple_of(2) {
        true => Ok(words.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].into())).collect()),
        false => Err("the list of files is not whole\n  expected: a source for every path".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lists() {
        let files = read("b\0/some where/b\0a\0/a\0").unwrap();
        assert_eq!(files, [("a".to_owned(), "/a".into()), ("b".to_owned(), "/some where/b".into())].into());
        assert!(read("a\0/a\0b\0").is_err());
        assert!(read("").unwrap().is_empty());
    }
}
