//! The plugins that the build has compiled, before anything runs them.

use wudf_fixtures::{ALL, LIAR, liar};

#[test]
fn shipped_files_are_components() {
    assert!(!wudf_artifacts::SHIPPED.is_empty());
    for artifact in wudf_artifacts::SHIPPED {
        artifact.check();
    }
}

#[test]
fn fixtures_are_components() {
    assert!(!ALL.is_empty());
    for artifact in ALL {
        artifact.check();
    }
}

#[test]
fn the_liar_has_one_placeholder() {
    let lies = liar("traps");
    assert_eq!(lies.len(), LIAR.bytes.len());
    let text = String::from_utf8_lossy(&lies);
    assert_eq!(text.matches("wudf-liar-says:").count(), 1);
    assert!(text.contains("wudf-liar-says:traps "));
}
