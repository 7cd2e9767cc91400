//! An archive: a tar, compressed with Zstandard. The same files give the same bytes: they stand in the order of their names, belong to nobody,
//! and bear no time of their own.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The files of an archive: their paths in it, `/` between the parts, and where each one lies.
pub type Files = BTreeMap<String, PathBuf>;

/// 1 January 1980: no time of the files' own, and none that a tool takes for a fault.
const TIME: u64 = 315_532_800;

/// How hard it tries. The levels up to 15 take several times as long for one percent.
const LEVEL: i32 = 9;

/// Packs files below one top folder. Those in `bin` can be run.
///
/// # Errors
/// What cannot be read or written, by its path.
pub fn pack(files: &Files, top: &str, archive: &Path) -> Result<(), Box<dyn Error>> {
    let writing = |error| failed("write", archive, error);
    let file = BufWriter::new(File::create(archive).map_err(writing)?);
    let mut tar = tar::Builder::new(zstd::Encoder::new(file, LEVEL).map_err(writing)?);
    for (path, source) in files {
        let reading = |error| failed("read", source, error);
        let file = File::open(source).map_err(reading)?;
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(if path.starts_with("bin/") { 0o755 } else { 0o644 });
        header.set_mtime(TIME);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(file.metadata().map_err(reading)?.len());
        tar.append_data(&mut header, format!("{top}/{path}"), file).map_err(writing)?;
    }
    tar.into_inner().and_then(zstd::Encoder::finish).and_then(|mut file| file.flush()).map_err(writing)?;
    Ok(())
}

/// Unpacks an archive into a folder.
///
/// # Errors
/// Where it is none, or something cannot be written.
pub fn unpack(archive: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    let file = File::open(archive).map_err(|error| failed("read", archive, error))?;
    let reader = zstd::Decoder::new(BufReader::new(file)).map_err(|error| failed("read", archive, error))?;
    fs::create_dir_all(folder).map_err(|error| failed("write", folder, error))?;
    tar::Archive::new(reader).unpack(folder).map_err(|error| failed("unpack", archive, error))?;
    Ok(())
}

/// A message that says what could not be done, and the reasons of the reason.
fn failed(action: &str, path: &Path, error: io::Error) -> String {
    let mut text = format!("cannot {action} {}\n  found: {error}", path.display());
    let mut inner = error.source();
    while let Some(error) = inner {
        text += &format!(": {error}");
        inner = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_same_files_give_the_same_bytes_and_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let long = format!("specs/{}/{}.yaml", "folder".repeat(20), "name".repeat(20));
        let make = |name: &str, mode: u32| {
            // Each time elsewhere, newly written, with other rights.
            let sources = folder.join(format!("of {name}"));
            fs::create_dir(&sources).unwrap();
            let mut files = Files::new();
            for (path, text) in [("bin/edas", "program"), (&long, "a spec"), ("README.md", "")] {
                let source = sources.join(files.len().to_string());
                fs::write(&source, text).unwrap();
                fs::set_permissions(&source, fs::Permissions::from_mode(mode)).unwrap();
                files.insert(path.to_owned(), source);
            }
            let archive = folder.join(name);
            pack(&files, "edas-1", &archive).unwrap();
            archive
        };
        let (one, other) = (make("one", 0o600), make("other", 0o755));
        assert_eq!(fs::read(&one).unwrap(), fs::read(other).unwrap());

        unpack(&one, &folder.join("unpacked")).unwrap();
        let top = folder.join("unpacked/edas-1");
        assert_eq!(fs::read_to_string(top.join(&long)).unwrap(), "a spec");
        let mode = |path: &str| fs::metadata(top.join(path)).unwrap().permissions().mode() & 0o111;
        assert_eq!((mode("bin/edas"), mode("README.md")), (0o111, 0));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let files = Files::from([("a".to_owned(), path("missing"))]);
        let failure = pack(&files, "edas-1", &path("archive")).unwrap_err().to_string();
        assert!(failure.starts_with("cannot read") && failure.contains("missing\n  found: "), "{failure}");
        fs::write(path("text"), "no archive").unwrap();
        let failure = unpack(&path("text"), &path("folder")).unwrap_err().to_string();
        assert!(failure.starts_with("cannot unpack") && failure.contains("text\n  found: "), "{failure}");
    }
}
