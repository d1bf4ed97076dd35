//! The lock file.

use std::fs;

use wudf_fixtures::{KIT, PLAIN};

use super::{ADDED, Place};

#[test]
fn a_lock_holds_until_it_is_moved() {
    let Some(place) = Place::with_registry() else {
        return;
    };
    let reference = place.reference("kit:1.0");
    let first = place.push("kit:1.0");
    let nothing = place.add_one(&reference, &["--locked"]).ends_with(4);
    assert!(nothing.stderr.contains("wudf update"), "{}", nothing.stderr);

    let said = place.text(&["update", &reference]);
    let digest = first.split_once('@').unwrap().1;
    assert!(said.contains(digest), "{said}");
    let lock = fs::read_to_string(place.file("wudf.lock")).unwrap();
    assert!(lock.contains(digest) && lock.contains(&reference), "{lock}");
    assert_eq!(
        place.add_one(&reference, &["--locked"]).ends_with(0).text(),
        ADDED
    );
    assert!(place.text(&["update"]).contains("unchanged"));

    // The tag moves; the lock does not.
    fs::write(place.file("kit.wasm"), PLAIN.bytes).unwrap();
    let second = place.push("kit:1.0");
    assert_ne!(first, second);
    assert_eq!(
        place.add_one(&reference, &["--locked"]).ends_with(0).text(),
        ADDED
    );
    assert_eq!(place.add_one(&reference, &[]).ends_with(0).text(), ADDED);
    let other = place.add_one(&second, &["--locked"]).ends_with(4);
    assert!(other.stderr.contains("wudf update"), "{}", other.stderr);

    let dry = place.text(&["update", "--dry-run"]);
    assert!(dry.contains("- function domain("), "{dry}");
    assert_eq!(fs::read_to_string(place.file("wudf.lock")).unwrap(), lock);
    let moved = place.text(&["update"]);
    assert_eq!(moved, dry);
    assert!(moved.contains(&format!("{digest} -> ")), "{moved}");
    assert!(moved.contains("+ function "), "{moved}");
    assert!(moved.contains("- option "), "{moved}");
    let domain = format!("{reference}:domain");
    let gone = place
        .run(&["run", &domain, "a.csv", "--locked"])
        .ends_with(3);
    assert!(gone.stderr.contains("has no function"), "{}", gone.stderr);
}

#[test]
fn a_lock_that_lies_stops_everything() {
    let Some(place) = Place::with_registry() else {
        return;
    };
    let reference = place.reference("kit:1.0");
    place.push("kit:1.0");
    place.text(&["update", &reference]);
    let lock = fs::read_to_string(place.file("wudf.lock")).unwrap();
    let layer = wudf_adapter::reference::digest_of(KIT.bytes);
    let other = wudf_adapter::reference::digest_of(b"another");
    fs::write(place.file("wudf.lock"), lock.replace(&layer, &other)).unwrap();
    let ran = place.add_one(&reference, &[]).ends_with(4);
    assert!(
        ran.stderr.contains("than the lock file pins"),
        "{}",
        ran.stderr
    );
    fs::write(place.file("wudf.lock"), "version = 2\n").unwrap();
    let ran = place.run(&["pull", &reference]);
    assert_ne!(ran.status, Some(0));
    assert!(ran.stderr.contains("version 2"), "{}", ran.stderr);
}
