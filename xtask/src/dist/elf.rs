//! Programs and libraries in the format ELF, as far as an archive needs to know them: which libraries they need, which versions of the
//! system's they want, and where they look. Read here, so that neither the library's own loader nor any tool has to run.
//!
//! What is meant by the numbers is in the System V ABI, chapters 4 and 5, and, for versions, in the Linux Standard Base.

use crate::failure::{Failure, Result};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PT_LOAD: u64 = 1;
const PT_DYNAMIC: u64 = 2;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;
const DT_VERNEED: u64 = 0x6fff_fffe;
const DT_VERNEEDNUM: u64 = 0x6fff_ffff;

/// A program or library.
pub struct Elf {
    bytes: Vec<u8>,
    /// Where parts of the file lie in memory: address, offset in the file, length.
    loaded: Vec<[u64; 3]>,
    /// The dynamic section: tags and values.
    dynamic: Vec<(u64, u64)>,
    /// Where its strings begin in the file.
    strings: u64,
}

impl Elf {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(|error| Failure::io("read", path, &error))?;
        Self::parse(bytes).ok_or_else(|| {
            Failure::new(format!("{} is not what an archive is made of", path.display()))
                .expected("a program or library in the format ELF, of 64 bits and little-endian")
                .help("`cargo x dist` works on Linux, on x86-64 and ARM")
        })
    }

    fn parse(bytes: Vec<u8>) -> Option<Self> {
        if bytes.get(..6)? != b"\x7fELF\x02\x01" {
            return None;
        }
        let mut elf = Self { bytes, loaded: Vec::new(), dynamic: Vec::new(), strings: 0 };
        let (first, size, count) = (elf.number(32, 8)?, elf.number(54, 2)?, elf.number(56, 2)?);
        let mut section = None;
        for header in (0..count).map(|i| first + i * size) {
            let [offset, address, length] =
                [elf.number(header + 8, 8)?, elf.number(header + 16, 8)?, elf.number(header + 32, 8)?];
            match elf.number(header, 4)? {
                PT_LOAD => elf.loaded.push([address, offset, length]),
                PT_DYNAMIC => section = Some((offset, length / 16)),
                _ => {}
            }
        }
        // What is linked statically has none, and needs nothing.
        let (offset, entries) = section.unwrap_or_default();
        for entry in (0..entries).map(|i| offset + 16 * i) {
            elf.dynamic.push((elf.number(entry, 8)?, elf.number(entry + 8, 8)?));
        }
        if let Some(address) = elf.value(DT_STRTAB) {
            elf.strings = elf.offset(address)?;
        }
        Some(elf)
    }

    /// The names of the libraries that it is linked with.
    pub fn needed(&self) -> Vec<String> {
        let names = self.dynamic.iter().filter(|(tag, _)| *tag == DT_NEEDED);
        names.filter_map(|(_, at)| self.string(self.strings + at)).collect()
    }

    /// The versions that it wants of other libraries: `GLIBC_2.34`, `GLIBCXX_3.4.30`, …
    pub fn versions(&self) -> BTreeSet<String> {
        self.read_versions().unwrap_or_default()
    }

    fn read_versions(&self) -> Option<BTreeSet<String>> {
        let mut versions = BTreeSet::new();
        let mut library = self.offset(self.value(DT_VERNEED)?)?;
        for _ in 0..self.value(DT_VERNEEDNUM)? {
            let mut version = library + self.number(library + 8, 4)?;
            for _ in 0..self.number(library + 2, 2)? {
                versions.extend(self.string(self.strings + self.number(version + 8, 4)?));
                version += self.number(version + 12, 4)?;
            }
            library += self.number(library + 12, 4)?;
        }
        Some(versions)
    }

    /// The folders where it looks for libraries first.
    pub fn search_path(&self) -> Vec<String> {
        let path = self.search_path_at().and_then(|at| self.string(at)).unwrap_or_default();
        path.split(':').filter(|folder| !folder.is_empty()).map(str::to_owned).collect()
    }

    fn search_path_at(&self) -> Option<u64> {
        Some(self.strings + self.value(DT_RUNPATH).or_else(|| self.value(DT_RPATH))?)
    }

    /// Leaves of these folders those that `keep` wants. They get shorter, so nothing in the file moves.
    pub fn restrict_search_path(&mut self, keep: impl Fn(&str) -> bool) {
        let Some(at) = self.search_path_at() else { return };
        let folders = self.search_path();
        let length = self.string(at).unwrap_or_default().len();
        let kept: Vec<&str> = folders.iter().map(String::as_str).filter(|folder| keep(folder)).collect();
        let mut text = kept.join(":").into_bytes();
        text.resize(length, 0);
        let at = at as usize;
        self.bytes[at..at + length].copy_from_slice(&text);
    }

    /// The file's bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A number of so many bytes.
    fn number(&self, at: u64, bytes: usize) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        let part = self.bytes.get(at..at.checked_add(bytes)?)?;
        Some(part.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn string(&self, at: u64) -> Option<String> {
        let rest = self.bytes.get(usize::try_from(at).ok()?..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        String::from_utf8(rest[..end].to_vec()).ok()
    }

    /// The first value with this tag.
    fn value(&self, tag: u64) -> Option<u64> {
        self.dynamic.iter().find(|entry| entry.0 == tag).map(|entry| entry.1)
    }

    /// Where in the file something lies whose address in memory is known.
    fn offset(&self, address: u64) -> Option<u64> {
        let within = |[start, _, length]: &&[u64; 3]| (*start..start + length).contains(&address);
        self.loaded.iter().find(within).map(|[start, offset, _]| address - start + offset)
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

    #[test]
    fn reads_this_program() {
        let elf = Elf::read(&std::env::current_exe().unwrap()).unwrap();
        assert!(elf.needed().iter().any(|name| name.starts_with("libc.so")), "{:?}", elf.needed());
        assert!(highest(&elf.versions(), "GLIBC").is_some(), "{:?}", elf.versions());
    }

    #[test]
    fn restricts_a_search_path_in_place() {
        // A header, one segment that is loaded and one with the dynamic section, and after them the strings.
        let path = b"\0$ORIGIN/../lib:/home/me/lib:$ORIGIN/../more\0after\0";
        let (section, strings) = (64 + 2 * 56, 64 + 2 * 56 + 3 * 16);
        let mut bytes = vec![0; strings + path.len()];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        let mut put = |at: usize, value: usize| bytes[at..at + 8].copy_from_slice(&(value as u64).to_le_bytes());
        put(32, 64);
        put(64, 1);
        put(64 + 32, 4096);
        put(64 + 56, 2);
        put(64 + 56 + 8, section);
        put(64 + 56 + 32, 3 * 16);
        for (i, value) in [5, strings, 29, 1, 1, path.len() - 6].into_iter().enumerate() {
            put(section + 8 * i, value);
        }
        bytes[54] = 56;
        bytes[56] = 2;
        bytes[strings..].copy_from_slice(path);

        let mut elf = Elf::parse(bytes).unwrap();
        assert_eq!(elf.needed(), ["after"]);
        assert_eq!(elf.search_path(), ["$ORIGIN/../lib", "/home/me/lib", "$ORIGIN/../more"]);
        elf.restrict_search_path(|folder| folder.starts_with("$ORIGIN"));
        assert_eq!(elf.search_path(), ["$ORIGIN/../lib", "$ORIGIN/../more"]);
        assert_eq!(elf.needed(), ["after"]);
        let length = elf.bytes.len();
        assert_eq!((elf.into_bytes().len(), length), (strings + path.len(), strings + path.len()));
    }

    #[test]
    fn what_is_none_is_said() {
        let failure = Elf::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))).err().unwrap();
        assert!(failure.to_string().contains("expected: a program or library in the format ELF"), "{failure}");
        assert!(Elf::parse(b"\x7fELF\x02\x01 and no more".to_vec()).is_none());
    }

    #[test]
    fn versions_are_numbers() {
        let versions = ["GLIBC_2.4", "GLIBC_2.34", "GLIBC_PRIVATE", "GLIBCXX_3.4.30"].map(str::to_owned).into();
        assert_eq!(highest(&versions, "GLIBC").as_deref(), Some("2.34"));
        assert_eq!(highest(&versions, "GLIBCXX").as_deref(), Some("3.4.30"));
        assert_eq!(highest(&versions, "CXXABI"), None);
    }
}
