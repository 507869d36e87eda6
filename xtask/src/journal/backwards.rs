//! The lines of a file from its end, without reading what is before them.

use std::path::{Path, PathBuf};

use crate::files;

/// What is read first. An append finds its writer's last line in there, unless others have written a lot since.
const FIRST_BYTES: u64 = 1 << 14;

/// A file that is read from its end.
#[derive(Debug)]
pub(super) struct Backwards {
    path: PathBuf,
    /// Where `held` begins in the file; `None` when all was handed over.
    start: Option<u64>,
    held: Vec<u8>,
    block: u64,
    /// How many bytes were read so far.
    pub(super) read: u64,
}

impl Backwards {
    /// A file from its end. One that is not there is empty.
    pub(super) fn open(path: &Path) -> Backwards {
        let length = files::stamp(path).map_or(0, |stamp| stamp.length);
        Backwards {
            path: path.to_owned(),
            start: Some(length),
            held: Vec::new(),
            block: FIRST_BYTES,
            read: 0,
        }
    }

    /// The line before those that were handed over, without its end; `None` at the start of the file. The first one is
    /// what stands after the last line end: empty, where nothing is torn.
    pub(super) fn before(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        let Some(mut start) = self.start else { return Ok(None) };
        loop {
            if let Some(end) = self.held.iter().rposition(|byte| *byte == b'\n') {
                let line = self.held.split_off(end + 1);
                self.held.pop();
                return Ok(Some(line));
            }
            if start == 0 {
                self.start = None;
                return Ok(Some(std::mem::take(&mut self.held)));
            }
            let size = self.block.min(start);
            start -= size;
            let mut bytes = files::read_from(&self.path, start, size)?;
            self.read += size;
            bytes.append(&mut self.held);
            self.held = bytes;
            self.start = Some(start);
            // Each time twice as much: a long line is not searched again and again.
            self.block *= 2;
        }
    }
}
