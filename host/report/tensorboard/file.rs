//! An event file: records that only grow, or are cut back to where a run goes on. A record is its length, a checksum of that, its bytes, and
//! a checksum of these (TensorFlow's `record_writer.cc`).

use super::message::{Event, What};
use crate::error::{Error, Result};
use prost::Message;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A longer record is none of ours.
const LONGEST: u64 = 1 << 28;

/// A checksum as records have it.
fn masked(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// An event file that is being written.
pub(super) struct EventFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventFile {
    /// Opens a file and keeps its events up to the first that `keep` refuses, or that is damaged; all of what follows goes.
    pub(super) fn open(path: &Path, keep: impl FnMut(&Event) -> bool) -> Result<Self> {
        let failed = |e: std::io::Error| Error::io("write", path, &e);
        let length = kept(path, keep).map_err(failed)?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path).map_err(failed)?;
        file.set_len(length).and_then(|()| file.seek(SeekFrom::End(0))).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Adds an event. It has left this process when this returns.
    pub(super) fn write(&mut self, event: &Event) -> Result<()> {
        let bytes = event.encode_to_vec();
        let length = (bytes.len() as u64).to_le_bytes();
        let parts = [&length[..], &masked(&length), &bytes, &masked(&bytes)];
        let written = parts.iter().try_for_each(|part| self.file.write_all(part)).and_then(|()| self.file.flush());
        written.map_err(|e| Error::io("write", &self.path, &e))
    }
}

/// How many bytes of a file are events that are kept.
fn kept(path: &Path, mut keep: impl FnMut(&Event) -> bool) -> std::io::Result<u64> {
    let mut reader = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(0),
        Err(e) => return Err(e),
    };
    let mut length = 0;
    while let Some((event, size)) = record(&mut reader)? {
        let is_head = matches!(event.what, Some(What::FileVersion(_)));
        if !is_head && !keep(&event) {
            break;
        }
        length += size;
    }
    Ok(length)
}

/// The next event and the bytes that it takes; `None` at the end, and where a record is damaged.
fn record(reader: &mut impl Read) -> std::io::Result<Option<(Event, u64)>> {
    let mut head = [0; 12];
    if !filled(reader, &mut head)? || masked(&head[..8]) != head[8..] {
        return Ok(None);
    }
    let length = u64::from_le_bytes(std::array::from_fn(|at| head[at]));
    if length > LONGEST {
        return Ok(None);
    }
    let mut rest = vec![0; length as usize + 4];
    if !filled(reader, &mut rest)? {
        return Ok(None);
    }
    let (bytes, sum) = rest.split_at(length as usize);
    if masked(bytes) != sum {
        return Ok(None);
    }
    Ok(Event::decode(bytes).ok().map(|event| (event, length + 16)))
}

/// Whether there was enough to fill a buffer.
fn filled(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn event(step: i64) -> Event {
        Event { wall_time: 1.5, step, what: Some(What::FileVersion(format!("event {step}"))) }
    }

    /// The steps of a file's events, as far as they are whole.
    fn steps(path: &Path) -> Vec<i64> {
        let (bytes, mut steps) = (fs::read(path).expect("the file"), Vec::new());
        let mut rest = bytes.as_slice();
        while let Some((event, _)) = record(&mut rest).expect("memory can be read") {
            steps.push(event.step);
        }
        steps
    }

    #[test]
    fn files_are_cut_where_events_end_or_are_damaged() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events");
        let mut file = EventFile::open(&path, |_| true).expect("a new file");
        for step in 0..5 {
            let mut summary = event(step);
            summary.what = Some(What::Summary(super::super::message::Summary::default()));
            file.write(&summary).expect("written");
        }
        assert_eq!(steps(&path), [0, 1, 2, 3, 4]);
        drop(EventFile::open(&path, |event| event.step < 3).expect("it can be cut"));
        assert_eq!(steps(&path), [0, 1, 2]);
        let whole = fs::read(&path).expect("the file");
        let ends: Vec<usize> =
            (1..4).map(|count| kept(&path, |event| event.step < count).expect("read") as usize).collect();
        for at in 0..whole.len() {
            // Cut off anywhere, or with any byte changed: what is whole before it stays.
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            for bytes in [&whole[..at], &damaged] {
                fs::write(&path, bytes).expect("written");
                let mut file = EventFile::open(&path, |_| true).expect("it can be opened");
                file.write(&event(9)).expect("written");
                let whole_events = ends.iter().filter(|end| **end <= at).count();
                assert_eq!(steps(&path), [&[0, 1, 2][..whole_events], &[9]].concat(), "at {at}");
            }
        }
    }

    #[test]
    fn checksums_are_those_of_tensorflow() {
        // As TensorBoard's own writer has them.
        assert_eq!(masked(&24u64.to_le_bytes()), 0x224b_7fa3_u32.to_le_bytes());
        assert_eq!(masked(b"123456789"), 0xc78a_b0e5_u32.to_le_bytes());
    }
}
