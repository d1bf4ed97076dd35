//! Policies in the program, for files and for references: what they refuse is refused before anything is compiled.

use std::fs;

use wudf_fixtures::{KIT, PLAIN};

use super::{ADDED, Place};

/// Keys `team` and `other`, and a policy that wants the first.
pub fn guard(place: &Place) {
    for name in ["team", "other"] {
        place.run(&["key", "new", name]).ends_with(0);
    }
    fs::write(place.file("policy.toml"), "require = [\"team.pub\"]\n").unwrap();
}

const POLICY: [&str; 2] = ["--policy", "policy.toml"];

#[track_caller]
fn refused(place: &Place, plugin: &str) -> String {
    let ran = place.add_one(plugin, &POLICY).ends_with(4);
    assert_eq!(ran.text(), "");
    ran.stderr
}

#[test]
fn files_run_when_the_right_key_has_signed_them() {
    let place = Place::new();
    guard(&place);
    assert!(refused(&place, "kit.wasm").contains("wudf sign"));
    place
        .run(&["sign", "kit.wasm", "--key", "other.key"])
        .ends_with(0);
    refused(&place, "kit.wasm");
    assert_eq!(
        place.text(&["sign", "kit.wasm", "--key", "team.key"]),
        "kit.wasm.sig"
    );
    assert_eq!(
        place.add_one("kit.wasm", &POLICY).ends_with(0).text(),
        ADDED
    );
    place
        .run(&["verify", "kit.wasm", "--key", "team.pub"])
        .ends_with(0);
    place
        .run(&["verify", "kit.wasm", "--policy", "policy.toml"])
        .ends_with(0);

    // One byte; it is no plugin any more, which nobody finds out.
    let mut bytes = KIT.bytes.to_vec();
    bytes[4] ^= 1;
    fs::write(place.file("kit.wasm"), &bytes).unwrap();
    assert!(!refused(&place, "kit.wasm").contains("component"));
    place
        .run(&["verify", "kit.wasm", "--key", "team.pub"])
        .ends_with(4);
    // A signature of something else.
    fs::write(place.file("kit.wasm"), KIT.bytes).unwrap();
    fs::write(place.file("plain.wasm"), PLAIN.bytes).unwrap();
    place
        .run(&["sign", "plain.wasm", "--key", "team.key"])
        .ends_with(0);
    fs::copy(place.file("plain.wasm.sig"), place.file("kit.wasm.sig")).unwrap();
    refused(&place, "kit.wasm");
    // What wudf brings is as trusted as wudf.
    place
        .run(&["inspect", "image-features", "--policy", "policy.toml"])
        .ends_with(0);
}

#[test]
fn references_run_when_the_right_key_has_signed_them() {
    let Some(mut place) = Place::with_registry() else {
        return;
    };
    guard(&place);
    let reference = place.reference("kit:1.0");
    let pinned = place.push("kit:1.0");
    assert!(refused(&place, &reference).contains("wudf sign"));
    refused(&place, &pinned);
    place
        .run(&["verify", &reference, "--key", "team.pub"])
        .ends_with(4);
    assert_eq!(
        place.text(&["sign", &reference, "--key", "other.key"]),
        pinned
    );
    refused(&place, &reference);
    place
        .run(&["sign", &reference, "--key", "team.key"])
        .ends_with(0);
    assert_eq!(
        place.add_one(&reference, &POLICY).ends_with(0).text(),
        ADDED
    );
    assert_eq!(place.add_one(&pinned, &POLICY).ends_with(0).text(), ADDED);
    let said = place.text(&["verify", &reference, "--key", "team.pub"]);
    assert!(said.starts_with(&pinned), "{said}");
    place
        .run(&["pull", &reference, "--policy", "policy.toml"])
        .ends_with(0);

    // Another plugin under the tag, and the signature of the first one for it.
    fs::write(place.file("kit.wasm"), PLAIN.bytes).unwrap();
    let other = place.push("kit:1.0");
    refused(&place, &reference);
    place.copy_signatures(&pinned, &other);
    refused(&place, &reference);
    // The first is still what it was, without the registry, too.
    place.stop_registry();
    let offline = ["--policy", "policy.toml", "--offline"];
    assert_eq!(place.add_one(&pinned, &offline).ends_with(0).text(), ADDED);
}

#[test]
fn rules_are_for_what_they_name() {
    let Some(place) = Place::with_registry() else {
        return;
    };
    guard(&place);
    let rule = format!(
        "require = [\"team.pub\"]\n[[rule]]\nreferences = [\"{}\"]\nkeys = [\"other.pub\"]\n",
        place.reference("kit")
    );
    fs::write(place.file("policy.toml"), rule).unwrap();
    let (kit, more) = (place.reference("kit:1.0"), place.reference("more:1.0"));
    for reference in [&kit, &more] {
        place.run(&["push", "kit.wasm", reference]).ends_with(0);
        place
            .run(&["sign", reference, "--key", "other.key"])
            .ends_with(0);
    }
    place.add_one(&kit, &POLICY).ends_with(0);
    refused(&place, &more);
    place
        .run(&["sign", &more, "--key", "team.key"])
        .ends_with(0);
    place.add_one(&more, &POLICY).ends_with(0);
}

#[test]
fn a_policy_that_cannot_be_read_allows_nothing() {
    let place = Place::new();
    fs::write(place.file("policy.toml"), "requires = []\n").unwrap();
    refused(&place, "kit.wasm");
    let ran = place
        .add_one("kit.wasm", &["--policy", "gone.toml"])
        .ends_with(4);
    assert!(ran.stderr.contains("gone.toml"), "{}", ran.stderr);
    // As a machine has one.
    let config = place.file("config/wudf");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("policy.toml"), "require = []\n").unwrap();
    place
        .wudf(&["inspect", "kit.wasm"])
        .env("XDG_CONFIG_HOME", place.file("config"))
        .run()
        .ends_with(4);
}

#[test]
fn keys_are_kept() {
    let place = Place::new();
    let print = place.text(&["key", "new", "team"]);
    assert!(print.starts_with("sha256:"), "{print}");
    let again = place.run(&["key", "new", "team"]).ends_with(3);
    assert!(again.stderr.contains("not overwritten"), "{}", again.stderr);
    let private = fs::read_to_string(place.file("team.key")).unwrap();
    assert!(private.contains("ENCRYPTED"), "{private}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(place.file("team.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let wrong = place
        .wudf(&["sign", "kit.wasm", "--key", "team.key"])
        .env("WUDF_KEY_PASSWORD", "another")
        .run()
        .ends_with(3);
    assert!(wrong.stderr.contains("password"), "{}", wrong.stderr);
    let said = place
        .run(&["sign", "kit.wasm", "--key", "team.pub"])
        .ends_with(3);
    assert!(said.stderr.contains("team.pub"), "{}", said.stderr);
}
