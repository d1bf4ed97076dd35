//! Lies about signatures, one of which is chosen by what stands in [`CHOSEN`].

use std::cell::Cell;

use crate::bindings::exports::wudf::plugin::scalar::Signature;
use crate::bindings::wudf::plugin::types::Problem;
use crate::{field, other};

/// The placeholder. Whoever tests writes the name of a lie behind the colon,
/// into the compiled file, and fills up with spaces.
#[used]
static CHOSEN: [u8; 64] = *b"wudf-liar-says:honest                                           ";

fn chosen() -> String {
    // The compiler must not believe what the source says.
    let text = String::from_utf8_lossy(std::hint::black_box(&CHOSEN)).into_owned();
    text.split_once(':')
        .map(|(_, lie)| lie.trim().to_owned())
        .unwrap_or_default()
}

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

/// The signatures, with the chosen lie in the first of them.
pub fn lie(mut all: Vec<Signature>) -> Vec<Signature> {
    let calls = CALLS.get();
    CALLS.set(calls + 1);
    let chosen = chosen();
    if chosen == "functions_none" {
        return vec![];
    }
    let first = &mut all[0];
    match chosen.as_str() {
        "format_unknown" => first.returns[0].format = "?".into(),
        "format_empty" => first.returns[0].format = String::new(),
        "format_unfinished" => first.returns[0].format = "+w:".into(),
        "format_negative" => first.returns[0].format = "+w:-1".into(),
        "format_overflows" => first.returns[0].format = "+w:99999999999999999999".into(),
        "format_large_size" => {
            first.returns = vec![
                field("", "+w:2147483647", 1),
                field("item", "+w:2147483647", 1),
                field("item", "l", 0),
            ];
        }
        "format_long" => first.returns[0].format = "l".repeat(16 << 20),
        "format_bad_zone" => first.returns[0].format = "tsu:Middle/Earth".into(),
        "format_escapes" => first.returns[0].format = "\u{1b}[2J".into(),
        "argument_format_unknown" => first.arguments[0][0].format = "?".into(),
        "nesting_deep" => {
            first.returns = vec![field("", "+l", 1); 100_000];
            first.returns.push(field("", "l", 0));
        }
        "fields_million" => {
            first.returns = vec![field("", "l", 0); 2_000_001];
            first.returns[0] = field("", "+s", 2_000_000);
        }
        "fields_same_name" => {
            first.returns = vec![field("", "+s", 2), field("a", "l", 0), field("a", "l", 0)];
        }
        "fields_none" => first.returns = vec![],
        "fields_extra" => first.returns.push(field("", "l", 0)),
        "children_missing" => first.returns[0] = field("", "+s", 3),
        "children_huge" => first.returns[0] = field("", "+s", u32::MAX),
        "children_of_a_number" => first.returns = vec![field("", "l", 1), field("", "l", 0)],
        "children_of_a_list" => {
            first.returns = vec![field("", "+l", 2), field("", "l", 0), field("", "l", 0)];
        }
        "metadata_flood" => {
            first.returns[0].metadata = vec![("key".into(), "value".into()); 1_000_000];
        }
        "metadata_extension" => {
            first.returns[0].metadata = vec![("ARROW:extension:name".into(), "arrow.uuid".into())];
        }
        "name_empty" => first.name = String::new(),
        "name_escapes" => first.name = "a\u{1b}[2Jb".into(),
        "name_path" => first.name = "../../etc".into(),
        "name_sql" => first.name = "x(); drop table students; --".into(),
        "name_long" => first.name = "x".repeat(16 << 20),
        "argument_name_empty" => first.arguments[0][0].name = String::new(),
        "argument_name_escapes" => first.arguments[0][0].name = "a\u{1b}[2Jb".into(),
        "argument_names_same" => first.arguments.push(vec![field("x", "l", 0)]),
        "arguments_many" => {
            first.arguments = (0..100_000)
                .map(|at| vec![field(&format!("a{at}"), "l", 0)])
                .collect();
        }
        "doc_huge" => first.doc = "x".repeat(64 << 20),
        "doc_escapes" => first.doc = "\u{1b}[2J\u{1b}]0;owned\u{7}".into(),
        "options_no_json" => first.options = "{".into(),
        "options_no_object" => first.options = "[1, 2]".into(),
        "options_deep" => first.options = "[".repeat(1 << 20),
        "models_flood" => first.models = vec!["x".into(); 1_000_000],
        "models_escapes" => first.models = vec!["\u{1b}[2J".into()],
        "functions_same_name" => first.name = "nodes_none".into(),
        "functions_many" => {
            let first = first.clone();
            all = (0..100_000)
                .map(|at| Signature {
                    name: format!("f{at}"),
                    ..first.clone()
                })
                .collect();
        }
        "changes" if calls > 0 => {
            first.name = "renamed".into();
            first.returns = vec![field("", "u", 0)];
        }
        // Each instance starts at the same count: a lie that depends on time.
        "changes_by_random" => {
            use std::hash::{BuildHasher, RandomState};
            first.name = format!("f{}", RandomState::new().hash_one(calls));
        }
        "traps" => panic!("no signatures"),
        "spins" => loop {
            std::hint::black_box(&mut *all);
        },
        "hogs" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
            }
        }
        _ => {}
    }
    all
}

/// What `open` does beside opening.
pub fn open() -> Result<(), Problem> {
    match chosen().as_str() {
        "open_fails" => Err(other("\u{1b}[2J no")),
        "open_traps" => panic!("not today"),
        "open_spins" => loop {
            std::hint::black_box(());
        },
        _ => Ok(()),
    }
}

/// The signature that a bound function says it has.
pub fn bound(mut signature: Signature) -> Signature {
    match chosen().as_str() {
        "bound_renames" => signature.name = "renamed".into(),
        "bound_adds_argument" => signature.arguments.push(vec![field("y", "l", 0)]),
        "bound_changes_argument" => signature.arguments[0][0].format = "u".into(),
        "bound_changes_returns" => signature.returns = vec![field("", "u", 0)],
        "bound_fields_none" => signature.returns = vec![],
        "bound_format_unknown" => signature.returns[0].format = "?".into(),
        "bound_traps" => panic!("no signature"),
        _ => {}
    }
    signature
}
