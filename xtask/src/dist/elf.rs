//! Programs and libraries in the format ELF, as far as an archive needs to know them: which libraries they need, which versions of the
//! system's they want, and where they look. Read here, so that neither the library's own loader nor any tool has to run.

use crate::failure::{Failure, Result};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A program or library.
pub struct Elf {
    bytes: Vec<u8>,
    needed: Vec<String>,
    versions: BTreeSet<String>,
    /// Where in the file the text lies that says where it looks: the first byte, and how many.
    search_path: (usize, usize),
}

impl Elf {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(|error| Failure::io("read", path, &error))?;
        let elf = goblin::elf::Elf::parse(&bytes).map_err(|error| {
            Failure::new(format!("{} is not what an archive is made of", path.display()))
                .expected("a program or library in the format ELF")
                .found(error.to_string())
                .help("`cargo x dist` works on Linux")
        })?;
        let needed = elf.libraries.iter().map(|name| (*name).to_owned()).collect();
        let wanted = elf
            .verneed
            .iter()
            .flat_map(|section| section.iter())
            .flat_map(|library| library.iter().collect::<Vec<_>>());
        let versions = wanted.filter_map(|version| elf.dynstrtab.get_at(version.vna_name)).map(str::to_owned).collect();
        // It is a part of the bytes.
        let text = elf.runpaths.first().or(elf.rpaths.first());
        let search_path = text.map_or((0, 0), |text| (text.as_ptr().addr() - bytes.as_ptr().addr(), text.len()));
        Ok(Self { needed, versions, search_path, bytes })
    }

    /// The names of the libraries that it is linked with.
    pub fn needed(&self) -> Vec<String> {
        self.needed.clone()
    }

    /// The versions that it wants of other libraries: `GLIBC_2.34`, `GLIBCXX_3.4.30`, …
    pub fn versions(&self) -> BTreeSet<String> {
        self.versions.clone()
    }

    /// The folders where it looks for libraries first.
    pub fn search_path(&self) -> Vec<String> {
        let (at, length) = self.search_path;
        let path = String::from_utf8_lossy(&self.bytes[at..at + length]);
        path.trim_end_matches('\0').split(':').filter(|folder| !folder.is_empty()).map(str::to_owned).collect()
    }

    /// Leaves of these folders those that `keep` wants. They get shorter, so nothing in the file moves.
    pub fn restrict_search_path(&mut self, keep: impl Fn(&str) -> bool) {
        let (at, length) = self.search_path;
        let folders = self.search_path();
        let kept: Vec<&str> = folders.iter().map(String::as_str).filter(|folder| keep(folder)).collect();
        let mut text = kept.join(":").into_bytes();
        text.resize(length, 0);
        self.bytes[at..at + length].copy_from_slice(&text);
    }

    /// The file's bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Of versions with this name the highest: of `GLIBC_2.4` and `GLIBC_2.34` the second.
pub fn highest(versions: &BTreeSet<String>, name: &str) -> Option<String> {
    let numbers = |version: &str| -> Option<Vec<u32>> {
        version.strip_prefix(name)?.strip_prefix('_')?.split('.').map(|part| part.parse().ok()).collect()
    };
    let numbers = versions.iter().filter_map(|version| numbers(version)).max()?;
    Some(numbers.iter().map(u32::to_string).collect::<Vec<_>>().join("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn reads_this_program() {
        let elf = Elf::read(&std::env::current_exe().unwrap()).unwrap();
        assert!(elf.needed().iter().any(|name| name.starts_with("libc.so")), "{:?}", elf.needed());
        assert!(highest(&elf.versions(), "GLIBC").is_some(), "{:?}", elf.versions());
    }

    #[test]
    fn restricts_a_search_path_in_place() {
        let folder = std::env::temp_dir().join(format!("xtask-elf-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (source, program) = (folder.join("a.c"), folder.join("a.so"));
        fs::write(&source, "int a(void) { return 1; }").unwrap();
        let path = "-Wl,-rpath,$ORIGIN/../lib:/home/me/lib:$ORIGIN/../more";
        let made = Command::new("cc").args(["-shared", "-fPIC", path, "-o"]).arg(&program).arg(&source).status();
        assert!(made.unwrap().success());
        let mut elf = Elf::read(&program).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        let (needed, length) = (elf.needed(), elf.bytes.len());
        assert_eq!(elf.search_path(), ["$ORIGIN/../lib", "/home/me/lib", "$ORIGIN/../more"]);
        elf.restrict_search_path(|folder| folder.starts_with("$ORIGIN"));
        assert_eq!(elf.search_path(), ["$ORIGIN/../lib", "$ORIGIN/../more"]);
        elf.restrict_search_path(|_| false);
        assert_eq!((elf.search_path(), elf.needed()), (Vec::new(), needed));
        assert_eq!(elf.into_bytes().len(), length);
    }

    #[test]
    fn what_is_none_is_said() {
        let failure = Elf::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))).err().unwrap();
        assert!(failure.to_string().contains("expected: a program or library in the format ELF"), "{failure}");
    }

    #[test]
    fn versions_are_numbers() {
        let versions = ["GLIBC_2.4", "GLIBC_2.34", "GLIBC_PRIVATE", "GLIBCXX_3.4.30"].map(str::to_owned).into();
        assert_eq!(highest(&versions, "GLIBC").as_deref(), Some("2.34"));
        assert_eq!(highest(&versions, "GLIBCXX").as_deref(), Some("3.4.30"));
        assert_eq!(highest(&versions, "CXXABI"), None);
    }
}
