//! Digests, times, and text from outside.

use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use crate::{Error, ErrorKind, Result};

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `sha256:` and the digest of the bytes, in hexadecimal.
pub fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// Text from outside, fit for a message: one line, short, nothing that a
/// terminal obeys.
pub(crate) fn brief(text: &str) -> String {
    const MOST: usize = 160;
    let mut brief: String = text
        .chars()
        .take(MOST)
        .map(|c| {
            let bidi = matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if c.is_control() || bidi { ' ' } else { c }
        })
        .collect();
    if text.chars().nth(MOST).is_some() {
        brief.push_str("...");
    }
    brief.trim().to_owned()
}

/// When something is made: what `SOURCE_DATE_EPOCH` says, else now.
pub(crate) fn created() -> Result<String> {
    let seconds = match std::env::var_os("SOURCE_DATE_EPOCH") {
        Some(text) => text
            .to_str()
            .and_then(|text| text.trim().parse().ok())
            .filter(|seconds| *seconds < LAST)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Invalid,
                    "SOURCE_DATE_EPOCH is no number of seconds since 1970",
                )
            })?,
        None => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
    };
    Ok(rfc3339(seconds))
}

/// The start of the year 10000, which RFC 3339 cannot write.
pub(crate) const LAST: u64 = 253_402_300_800;

/// Seconds since 1970 as RFC 3339 has them, by Howard Hinnant's
/// `civil_from_days`: a date library for one line of a file is too much.
pub(crate) fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_others_write_them() {
        // From `date -u -d @N +%FT%TZ`.
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (LAST - 1, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }

    #[test]
    fn text_from_outside_is_tamed() {
        assert_eq!(brief("a\x1b[31m\nb\u{202e}c"), "a [31m b c");
        assert_eq!(brief(&"x".repeat(1000)).len(), 163);
    }
}
