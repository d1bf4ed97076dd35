//! What is computed, written once: the guests of all contenders call these.

/// The argument: what a call costs.
#[inline]
pub fn nothing(x: i64) -> i64 {
    x
}

/// One more than the argument.
#[inline]
pub fn add_one(x: i64) -> i64 {
    x.wrapping_add(1)
}

/// How many bytes the argument has.
#[inline]
pub fn blob_len(blob: &[u8]) -> i64 {
    blob.len() as i64
}

/// `length` characters of a string, from the one with number `start`, counted
/// from 0: a part of the string itself.
#[inline]
pub fn substr(s: &str, start: i64, length: i64) -> &str {
    let rest = &s[offset(s, start)..];
    &rest[..offset(rest, length)]
}

/// Where the character with this number begins: in ASCII, at the byte with that
/// number; else the characters are counted.
#[inline]
fn offset(s: &str, number: i64) -> usize {
    let number = count(number);
    match s.as_bytes().get(..number) {
        Some(first) if first.is_ascii() => number,
        _ => s.char_indices().nth(number).map_or(s.len(), |(at, _)| at),
    }
}

/// The same as a new string.
#[inline]
pub fn substr_owned(s: &str, start: i64, length: i64) -> String {
    s.chars().skip(count(start)).take(count(length)).collect()
}

#[inline]
fn count(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{substr, substr_owned};

    #[test]
    fn both_are_one_function() {
        for s in [
            "",
            "plain",
            "na\u{ef}ve caf\u{e9}",
            "\u{4f60}\u{597d}, world",
            "ends in \u{e9}",
        ] {
            for start in -1..12 {
                for length in [-1, 0, 1, 3, 9, i64::MAX] {
                    assert_eq!(
                        substr(s, start, length),
                        substr_owned(s, start, length),
                        "{s:?} {start} {length}"
                    );
                }
            }
        }
    }
}
