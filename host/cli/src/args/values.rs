//! Values as people write them.

use std::str::FromStr;

use arrow_schema::DataType;
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use wudf::MaxFailures;

use crate::input::named_type;

pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// A codec of Parquet and its level.
pub fn compression(text: &str) -> Result<Compression, String> {
    let (codec, level) = match text.split_once(':') {
        Some((codec, level)) => (codec, Some(level)),
        None => (text, None),
    };
    let wrong = |error: ParquetError| error.to_string();
    Ok(match (codec, level) {
        ("none", None) => Compression::UNCOMPRESSED,
        ("snappy", None) => Compression::SNAPPY,
        ("lz4", None) => Compression::LZ4_RAW,
        ("gzip", None) => Compression::GZIP(GzipLevel::default()),
        ("gzip", Some(level)) => {
            Compression::GZIP(GzipLevel::try_new(number(level)?).map_err(wrong)?)
        }
        ("brotli", None) => Compression::BROTLI(BrotliLevel::default()),
        ("brotli", Some(level)) => {
            Compression::BROTLI(BrotliLevel::try_new(number(level)?).map_err(wrong)?)
        }
        ("zstd", None) => Compression::ZSTD(ZstdLevel::default()),
        ("zstd", Some(level)) => {
            Compression::ZSTD(ZstdLevel::try_new(number(level)?).map_err(wrong)?)
        }
        _ => {
            return Err(
                "expected none, snappy, gzip, lz4, brotli or zstd, or a level as in zstd:9"
                    .to_owned(),
            );
        }
    })
}

fn number<N: FromStr>(level: &str) -> Result<N, String> {
    level
        .parse()
        .map_err(|_| format!("`{level}` is not a compression level"))
}

/// One byte between fields.
pub fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        &[byte] if !matches!(byte, b'"' | b'\n' | b'\r') => Ok(byte),
        _ => Err("expected one ASCII character, like ; or \\t".to_owned()),
    }
}

/// A column and its type.
pub fn column_type(text: &str) -> Result<(String, DataType), String> {
    let (column, ty) = text
        .rsplit_once('=')
        .filter(|(column, _)| !column.is_empty())
        .ok_or("expected COLUMN=TYPE, like zip=TEXT")?;
    match named_type(ty.trim()) {
        Some(ty) => Ok((column.trim().to_owned(), ty)),
        None => Err(format!(
            "there is no type {ty}: TEXT, BOOLEAN, INT, BIGINT, DOUBLE, DATE, TIMESTAMP and TIMESTAMPTZ are some"
        )),
    }
}

fn byte_size(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "kb" => 1_000,
        "m" | "mib" => 1 << 20,
        "mb" => 1_000_000,
        "g" | "gib" => 1 << 30,
        "gb" => 1_000_000_000,
        _ => return Err("expected a number of bytes, or one with KiB, MiB or GiB".to_owned()),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "expected a number, like 512MiB".to_owned())?;
    number
        .checked_mul(scale)
        .filter(|&n| n > 0)
        .ok_or_else(|| "out of range".to_owned())
}

/// Memory for an instance: what a plugin at least needs, and what 32-bit addresses reach.
pub fn memory_size(text: &str) -> Result<u64, String> {
    let size = byte_size(text)?;
    match (1 << 20..=4 << 30).contains(&size) {
        true => Ok(size),
        false => Err("expected a size from 1MiB to 4GiB".to_owned()),
    }
}

/// A bound on the rows that fail.
pub fn max_failures(text: &str) -> Result<MaxFailures, String> {
    text.parse()
        .map_err(|_| "expected a number of rows or a percentage, like 100 or 2.5%".to_owned())
}

pub fn seconds(text: &str) -> Result<std::time::Duration, String> {
    let number = text.strip_suffix('s').unwrap_or(text);
    number
        .parse()
        .ok()
        .and_then(|s: f64| std::time::Duration::try_from_secs_f64(s).ok())
        .filter(|d| !d.is_zero())
        .ok_or_else(|| "expected a number of seconds, like 10 or 0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(byte_size("512MiB"), Ok(512 << 20));
        assert_eq!(byte_size("2g"), Ok(2 << 30));
        assert_eq!(byte_size("1000"), Ok(1000));
        assert!(byte_size("many").is_err());
        assert!(byte_size("0").is_err());
        assert!(byte_size("99999999999GiB").is_err());
    }

    #[test]
    fn memory_has_bounds() {
        assert_eq!(memory_size("4GiB"), Ok(4 << 30));
        for bad in ["100", "1023KiB", "5GiB"] {
            assert!(
                memory_size(bad).unwrap_err().contains("1MiB to 4GiB"),
                "{bad}"
            );
        }
    }

    #[test]
    fn seconds_may_be_fractions() {
        assert_eq!(seconds("0.5"), Ok(std::time::Duration::from_millis(500)));
        assert_eq!(seconds("2s"), Ok(std::time::Duration::from_secs(2)));
        assert!(seconds("-1").is_err());
        assert!(seconds("inf").is_err());
    }

    #[test]
    fn values_may_hold_equal_signs() {
        assert_eq!(key_value("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(key_value("=b").is_err());
        assert!(key_value("a").is_err());
    }
}
