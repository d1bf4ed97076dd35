//! Which versions of the contract `wudf:plugin` are spoken here.
//!
//! Its versions are semantic ones: within 0.1 a later version only adds, so any
//! 0.1 will do for a plugin, unless it uses what was added since. Then it does
//! not link, and is told the same as one of another contract.

use std::cmp::Ordering;

use crate::error::printable;
use crate::{Error, ErrorKind};

/// The version that is spoken here.
pub(crate) const VERSION: &str = "0.1.0";
const NUMBERS: [u64; 3] = [0, 1, 0];

/// Whether a plugin of that version may do.
pub(crate) fn fits(version: &str) -> bool {
    numbers(version).is_some_and(|numbers| numbers[..2] == NUMBERS[..2])
}

/// Whether all that there is in that version is here too.
pub(crate) fn is_known(version: &str) -> bool {
    fits(version) && numbers(version) <= Some(NUMBERS)
}

/// The error for a plugin of that version, which says what to upgrade.
pub(crate) fn unsupported(version: &str) -> Error {
    let what = match numbers(version).map(|numbers| numbers.cmp(&NUMBERS)) {
        Some(Ordering::Greater) => "upgrade wudf",
        Some(_) => "rebuild the plugin with this version's wudf-guest",
        None => "upgrade wudf or rebuild the plugin",
    };
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "made for version {} of the contract wudf:plugin, this is {VERSION}: {what}",
            printable(version, 40),
        ),
    )
}

/// None for what is no release: a pre-release promises nothing.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let release = version.split('+').next()?;
    let mut parts = release.split('.').map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_within_a_minor_fit() {
        for version in ["0.1.0", "0.1.7", "0.1.0+build"] {
            assert!(fits(version), "{version}");
        }
        for version in [
            "0.2.0", "1.0.0", "0.0.9", "1.1.0", "0.1", "0.1.0-rc", "0.1.0.0", "", "x",
        ] {
            assert!(!fits(version), "{version}");
        }
        assert!(is_known("0.1.0") && !is_known("0.1.1"));
    }

    #[test]
    fn who_is_to_move_is_said() {
        let said = |version| unsupported(version).to_string();
        assert!(said("0.1.1").ends_with("this is 0.1.0: upgrade wudf"));
        assert!(said("1.0.0").ends_with(": upgrade wudf"));
        assert!(said("0.0.3").contains(": rebuild the plugin"));
        assert!(said("0.2.0-rc.1").ends_with("upgrade wudf or rebuild the plugin"));
        assert!(!said("\u{1b}[31m").contains('\u{1b}'));
    }
}
