//! Compressed texts, by how their names end.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use anyhow::Result;

/// The bytes of a file that are read at a time.
const BUFFER: usize = 1 << 20;

/// How a file is compressed.
#[derive(Clone, Copy)]
enum Compression {
    Gzip,
    Zstd,
}

fn compression(path: &Path) -> Option<Compression> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "gz" | "gzip" => Some(Compression::Gzip),
        "zst" | "zstd" => Some(Compression::Zstd),
        _ => None,
    }
}

/// Whether a file's name says that it is compressed.
pub fn is_compressed(path: &Path) -> bool {
    compression(path).is_some()
}

/// Opens a text, compressed or not, of which there are so many bytes.
pub fn open(path: &Path, length: u64) -> Result<Box<dyn BufRead + Send>> {
    let file = File::open(path)?.take(length);
    Ok(match compression(path) {
        None => Box::new(BufReader::with_capacity(BUFFER, file)),
        // A file may be several, one behind the other, as `cat` makes them.
        Some(Compression::Gzip) => {
            let file = BufReader::with_capacity(BUFFER, file);
            let reader = flate2::bufread::MultiGzDecoder::new(file);
            Box::new(BufReader::with_capacity(BUFFER, reader))
        }
        Some(Compression::Zstd) => {
            Box::new(BufReader::with_capacity(BUFFER, zstd::Decoder::new(file)?))
        }
    })
}
