//! Lies about signatures, each told by a plugin of its own.

use serde_json::json;
use wudf::ErrorKind::{self, *};
use wudf::{Limits, Output, Plugin, Result, Session};
use wudf_fixtures::liar;
use wudf_tests::host::{assert_tame, builder, ints, open, small, to_ints};

use Outcome::{Call, Load, Open, Works};

/// How far it gets.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// It is harmless.
    Works,
    /// It is not loaded.
    Load(ErrorKind),
    /// It is not opened.
    Open(ErrorKind),
    /// It fails when it is called.
    Call(ErrorKind),
}

const OUTCOMES: &[(&str, Outcome)] = &[
    ("functions_none", Load(InvalidPlugin)),
    ("format_unknown", Load(InvalidPlugin)),
    ("format_empty", Load(InvalidPlugin)),
    ("format_unfinished", Load(InvalidPlugin)),
    ("format_negative", Load(InvalidPlugin)),
    ("format_overflows", Load(InvalidPlugin)),
    ("format_large_size", Load(InvalidPlugin)),
    ("format_long", Load(Memory)),
    ("format_bad_zone", Works),
    ("format_escapes", Load(InvalidPlugin)),
    ("argument_format_unknown", Load(InvalidPlugin)),
    ("nesting_deep", Load(InvalidPlugin)),
    ("fields_million", Load(Memory)),
    ("fields_same_name", Load(InvalidPlugin)),
    ("fields_none", Load(InvalidPlugin)),
    ("fields_extra", Load(InvalidPlugin)),
    ("children_missing", Load(InvalidPlugin)),
    ("children_huge", Load(InvalidPlugin)),
    ("children_of_a_number", Load(InvalidPlugin)),
    ("children_of_a_list", Load(InvalidPlugin)),
    ("metadata_flood", Load(Memory)),
    ("metadata_extension", Works),
    ("name_empty", Load(InvalidPlugin)),
    ("name_escapes", Load(InvalidPlugin)),
    ("name_path", Load(InvalidPlugin)),
    ("name_sql", Load(InvalidPlugin)),
    ("name_long", Load(Memory)),
    ("argument_name_empty", Load(InvalidPlugin)),
    ("argument_name_escapes", Load(InvalidPlugin)),
    ("argument_names_same", Load(InvalidPlugin)),
    ("arguments_many", Load(InvalidPlugin)),
    ("doc_huge", Load(Memory)),
    ("doc_escapes", Works),
    ("options_no_json", Load(InvalidPlugin)),
    ("options_no_object", Load(InvalidPlugin)),
    ("options_deep", Load(InvalidPlugin)),
    ("models_flood", Load(Memory)),
    ("models_escapes", Works),
    ("functions_same_name", Load(InvalidPlugin)),
    ("functions_many", Load(Memory)),
    ("changes", Works),
    ("changes_by_random", Open(UnknownFunction)),
    ("traps", Load(Trap)),
    ("spins", Load(Timeout)),
    ("hogs", Load(Memory)),
    ("open_fails", Open(Plugin)),
    ("open_traps", Open(Trap)),
    ("open_spins", Open(Timeout)),
    ("bound_renames", Open(InvalidPlugin)),
    ("bound_adds_argument", Open(InvalidPlugin)),
    ("bound_changes_argument", Open(InvalidPlugin)),
    ("bound_changes_returns", Call(InvalidOutput)),
    ("bound_fields_none", Open(InvalidPlugin)),
    ("bound_format_unknown", Open(InvalidPlugin)),
    ("bound_traps", Open(Trap)),
];

/// Lies that need more memory than [`small`] gives to be told.
const LARGE: &[&str] = &[
    "format_long",
    "fields_million",
    "metadata_flood",
    "name_long",
    "doc_huge",
    "models_flood",
    "functions_many",
];

fn tell(session: &Session, lie: &str) -> Outcome {
    let check = |error: wudf::Error| {
        assert_tame(&error.to_string());
        assert_eq!(error.plugin(), Some("liar"));
        error.kind()
    };
    let plugin = match Plugin::from_bytes(session, "liar", &liar(lie)) {
        Ok(plugin) => plugin,
        Err(error) => return Load(check(error)),
    };
    for signature in plugin.signatures() {
        assert_tame(&signature.to_string());
        assert_tame(&signature.doc);
        signature.models.iter().for_each(|name| assert_tame(name));
    }
    let function = match plugin.open(&plugin.signatures()[0].name, &json!({})) {
        Ok(function) => function,
        Err(error) => return Open(check(error)),
    };
    let result: Result<Output> = function.evaluate(&[ints(0..10)]);
    match result {
        Ok(output) => {
            assert!(output.failures.is_empty(), "{lie}: {:?}", output.failures);
            Works
        }
        Err(error) => Call(check(error)),
    }
}

#[test]
fn every_lie_is_caught() {
    let session = builder().limits(small()).threads(2).build().unwrap();
    let add_one = open(&session, "add_one");
    for (lie, outcome) in OUTCOMES {
        assert_eq!(tell(&session, lie), *outcome, "{lie}");
        assert_eq!(to_ints(&add_one.call(&[ints([1])]).unwrap()), [2]);
    }
}

#[test]
fn large_lies_are_caught_too() {
    let session = builder().limits(Limits::default()).build().unwrap();
    for lie in LARGE {
        assert_eq!(tell(&session, lie), Load(InvalidPlugin), "{lie}");
    }
}

/// The table above has every lie that the liar knows.
#[test]
fn no_lie_is_forgotten() {
    let source = include_str!("../../plugins/liar/src/signatures.rs");
    let told: Vec<&str> = source
        .lines()
        .filter(|line| line.contains("=>") || line.contains("chosen =="))
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    assert!(told.len() > 50, "{told:?}");
    for lie in told {
        assert!(OUTCOMES.iter().any(|(name, _)| *name == lie), "{lie}");
    }
}
